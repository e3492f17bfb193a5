// Sentences as receivers print them; the checksums are the receivers', too.

import { describe, expect, it } from 'vitest';
import { arrival, decoded } from '../testing/batches.ts';
import { nmea } from './nmea.ts';

const day = Date.UTC(2023, 10, 14);

function read(line: string, others: readonly string[], time?: string) {
  return decoded(nmea, line, { others, time });
}

/** The checksum, counted once more. */
function sentence(content: string): string {
  const sum = Buffer.from(content).reduce((xor, byte) => xor ^ byte, 0);
  return `$${content}*${sum.toString(16).toUpperCase().padStart(2, '0')}`;
}

describe('an NMEA 0183 sentence', () => {
  it('of a receiver gives position, height and quality of the fix', () => {
    const line = '$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47';
    const others = ['GGA.latitude', 'GGA.longitude', 'GGA.altitude', 'GGA.satellites', 'RMC.speed'];
    expect(read(line, others)).toEqual([
      `board/GGA.latitude = ${48 + 7.038 / 60} at 0`,
      `board/GGA.longitude = ${11 + 31 / 60} at 0`,
      'board/GGA.altitude = 545.4 at 0',
      'board/GGA.satellites = 8 at 0',
    ]);
  });

  it('of the south and the west is below zero', () => {
    const line = sentence('GPGLL,4916.45,S,12311.12,W,225444,A,');
    expect(read(line, ['GLL.latitude', 'GLL.longitude'])).toEqual([
      `board/GLL.latitude = ${-(49 + 16.45 / 60)} at 0`,
      `board/GLL.longitude = ${-(123 + 11.12 / 60)} at 0`,
    ]);
  });

  it('of which its sender says that it does not hold is bad', () => {
    const line = sentence('GPRMC,123519,V,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W');
    expect(read(line, ['RMC.speed', 'RMC.variation'])).toEqual([
      'board/RMC.speed = 22.4 at 0 (bad)',
      'board/RMC.variation = -3.1 at 0 (bad)',
    ]);
  });

  it('of transducers brings names along', () => {
    const line = sentence('WIXDR,C,31.4,C,tank,P,1.02,B,,H,44,P,hall');
    expect(read(line, ['XDR.tank', 'XDR.P', 'XDR.hall'])).toEqual([
      'board/XDR.tank = 31.4 at 0',
      'board/XDR.P = 1.02 at 0',
      'board/XDR.hall = 44 at 0',
    ]);
  });

  it.each([
    ['IIMTW,17.9,C', 'MTW.temperature', 17.9],
    ['SDDBT,036.4,f,011.1,M,006.0,F', 'DBT.depth', 11.1],
    ['WIMWV,214.8,R,0.1,K,A', 'MWV.speed', 0.1],
    ['HCHDG,101.1,7.1,W,,', 'HDG.deviation', -7.1],
    ['GPVTG,054.7,T,034.4,M,005.5,N,010.2,K', 'VTG.speed_kmh', 10.2],
    ['GNGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1', 'GSA.vdop', 2.1],
    ['WIMDA,29.9,I,1.013,B,21.5,C,,,44,,9.1,C,,,,,,,', 'MDA.dew_point', 9.1],
  ])('%s', (content, channel, value) => {
    expect(read(sentence(content), [channel])).toEqual([`board/${channel} = ${value} at 0`]);
  });

  it('is passed over when no signal asks for it, or when a field is empty', () => {
    expect(read(sentence('GPGSV,1,1,00'), ['GGA.altitude'])).toEqual([]);
    expect(read(sentence('GPGGA,,,,,,0,,,,M,,M,,'), ['GGA.altitude', 'GGA.latitude'])).toEqual([]);
  });

  it('that has no such field says so', () => {
    expect(read(sentence('IIMTW,17.9,C'), ['MTW.temp'])).toEqual(['unmapped (board): MTW has no MTW.temp']);
  });

  it.each([
    ['$IIMTW,17.9,C*00', 'wrong checksum: bytes were changed on the way'],
    ['$IIMTW,17.9,C', 'no NMEA sentence with a checksum: $ … *hh'],
    ['$IIMTW,17.', 'no NMEA sentence with a checksum: $ … *hh'],
    ['boot v1', 'no NMEA sentence with a checksum: $ … *hh'],
  ])('%s is a dead letter', (line, detail) => {
    expect(read(line, ['MTW.temperature'])).toEqual([`malformed (board): ${detail}`]);
  });

  it('is a dead letter where a position is no position', () => {
    expect(read(sentence('GPGLL,49x6,N,12311.12,W,225444,A,'), ['GLL.latitude'])).toEqual([
      'not_a_number (board): "GLL.latitude" is "49x6 N", not a number',
    ]);
  });

  it('has its own time, on its own day or the one next to its arrival', () => {
    const rmc = sentence('GPRMC,221319.50,A,4807.038,N,01131.000,E,022.4,084.4,141123,,');
    expect(read(rmc, ['RMC.speed'], 'utc')).toEqual([
      `board/RMC.speed = 22.4 at ${day + ((22 * 60 + 13) * 60 + 19.5) * 1000 - arrival}`,
    ]);
    // The arrival is at 22:13:20.
    const gga = (time: string): string => sentence(`GPGGA,${time},4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,`);
    expect(read(gga('221321'), ['GGA.fix'], 'utc')).toEqual(['board/GGA.fix = 1 at 1000']);
    expect(read(gga('000000'), ['GGA.fix'], 'utc')).toEqual([`board/GGA.fix = 1 at ${day + 86_400_000 - arrival}`]);
    expect(read(gga(''), ['GGA.fix'], 'utc')).toEqual(['bad_time (board): GGA holds no time of day']);
    expect(read(sentence('IIMTW,17.9,C'), ['MTW.temperature'], 'utc')).toEqual(['board/MTW.temperature = 17.9 at 0']);
  });
});
