// Text with `{rule}`, `{device}` and such in it, filled in from what there is to tell. A word nobody knows is a mistake in the
// gateway file; braces around anything but a word (as in JSON) are braces.
//
// What is filled in comes from sensors, and so from anybody: it is cut, its control characters become spaces, and whoever
// fills in says what else its place cannot bear.

import { suggestion } from '@weir/shared/config/yaml-file.ts';
import * as z from 'zod';
import { placeholders, type Fields, type Placeholder } from './notice.ts';

const word = /\{([A-Za-z_]\w*)\}/g;
const maxLength = 1000;

/** A text of the gateway file with placeholders in it. */
export const template = z.string().superRefine((text, context) => {
  for (const message of problemsOf(text)) context.addIssue({ code: 'custom', message });
});

/** For what is not checked as one text. @returns what is wrong, one sentence each */
export function problemsOf(text: string): string[] {
  return [...text.matchAll(word)].flatMap(([whole, name = '']) =>
    isPlaceholder(name) ? [] : [`${whole} stands for nothing${suggestion(name, placeholders)}`],
  );
}

export function hasPlaceholder(text: string): boolean {
  return new RegExp(word).test(text);
}

/** @param fit what a value may not have in its place */
export function fill(text: string, fields: Fields, fit: (value: string) => string = (value) => value): string {
  return text.replaceAll(word, (whole, name: string) => (isPlaceholder(name) ? fit(plain(fields[name])) : whole));
}

/** A value as part of an MQTT topic: one level, without wildcards. */
export function topicLevel(value: string): string {
  return value.replaceAll(/[/+#]/g, '_');
}

function plain(value: string): string {
  // oxlint-disable-next-line no-control-regex -- these are what it is about
  return value.replaceAll(/[\u0000-\u001F\u007F-\u009F\u2028\u2029]/g, ' ').slice(0, maxLength);
}

function isPlaceholder(name: string): name is Placeholder {
  return (placeholders as readonly string[]).includes(name);
}
