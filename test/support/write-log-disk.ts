// A disk in memory that remembers how it came about, for write-log.ts: a server of the Network Block Device protocol in a process
// of its own (the one that works on the disk waits for it). Every write, with its data, and every flush goes into the log, in order,
// before it is answered. Format of the log: write-log.ts.
//
// Of the protocol there is what a client needs at the least: fixed newstyle handshake with NBD_OPT_GO, simple replies, read, write,
// flush (https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md). Numbers are big-endian.

import { openSync, readFileSync, writevSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';

const hello = Buffer.from('NBDMAGICIHAVEOPT\0\x03', 'latin1'); // fixed newstyle, no zeroes
const optionReply = Buffer.from('0003e889045565a9', 'hex');
const simpleReply = Buffer.from('67446698', 'hex');
const go = 7;
const [ack, info, unsupported] = [1, 3, 0x8000_0001];
const hasFlagsAndFlush = 0b101;
const [read, write, disconnect, flush] = [0, 1, 2, 3];
const noSuchRequest = 22;

const [imagePath = '', logPath = '', socketPath = ''] = process.argv.slice(2);
const disk = readFileSync(imagePath);
const log = openSync(logPath, 'a');

process.on('disconnect', () => process.exit());
createServer((socket) => {
  socket.on('error', () => socket.destroy());
  serve(socket).catch(() => socket.destroy());
}).listen(socketPath, () => process.send?.('ready'));

async function serve(socket: Socket): Promise<void> {
  const take = taker(socket);
  socket.write(hello);
  await take(4);
  for (let option = 0; option !== go;) {
    const head = await take(16);
    option = head.readUInt32BE(8);
    await take(head.readUInt32BE(12));
    if (option === go) {
      const size = Buffer.alloc(12);
      size.writeBigUInt64BE(BigInt(disk.length), 2);
      size.writeUInt16BE(hasFlagsAndFlush, 10);
      answerOption(socket, option, info, size);
    }
    answerOption(socket, option, option === go ? ack : unsupported);
  }
  for (;;) {
    const head = await take(28);
    const type = head.readUInt16BE(6);
    if (type === disconnect) break;
    const offset = Number(head.readBigUInt64BE(16));
    const length = head.readUInt32BE(24);
    const answer = Buffer.alloc(16);
    simpleReply.copy(answer);
    head.copy(answer, 8, 8, 16);
    if (type === write) {
      const data = await take(length);
      data.copy(disk, offset);
      note(1, offset, data);
    } else if (type === flush) note(2, 0, Buffer.alloc(0));
    else if (type !== read) answer.writeUInt32BE(noSuchRequest, 4);
    socket.write(type === read ? Buffer.concat([answer, disk.subarray(offset, offset + length)]) : answer);
  }
  socket.end();
}

function answerOption(socket: Socket, option: number, reply: number, data = Buffer.alloc(0)): void {
  const numbers = Buffer.alloc(12);
  numbers.writeUInt32BE(option, 0);
  numbers.writeUInt32BE(reply, 4);
  numbers.writeUInt32BE(data.length, 8);
  socket.write(Buffer.concat([optionReply, numbers, data]));
}

function note(kind: 1 | 2, offset: number, data: Buffer): void {
  const head = Buffer.alloc(16);
  head.writeUInt32LE(kind, 0);
  head.writeUInt32LE(data.length, 4);
  head.writeBigUInt64LE(BigInt(offset), 8);
  writevSync(log, [head, data]);
}

/** @returns what gives the next so many bytes of the stream; rejects when it ends before */
function taker(socket: Socket): (length: number) => Promise<Buffer> {
  const chunks = socket[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  return async (length) => {
    const parts = [rest];
    let have = rest.length;
    while (have < length) {
      const next: IteratorResult<unknown> = await chunks.next();
      if (next.done === true || !Buffer.isBuffer(next.value)) throw new Error('the stream has ended');
      parts.push(next.value);
      have += next.value.length;
    }
    const all = parts.length === 1 ? rest : Buffer.concat(parts);
    rest = all.subarray(length);
    return all.subarray(0, length);
  };
}
