import { expect, test } from 'vitest';

import { noText, withPiece } from './streamedText';

const textOf = (pieces: [number, string][]) =>
  pieces.reduce((before, [offset, text]) => withPiece(before, { offset, text }), noText);

test('pieces are appended by their offsets in UTF-8', () => {
  const streamed = textOf([[0, 'Wört'], [5, 'chen '], [10, '\u{1f600}'], [14, '!']]);
  expect(streamed).toEqual({ text: 'Wörtchen \u{1f600}!', bytes: 15 });
});

test('the offset 0 starts the text again, also with an empty piece', () => {
  expect(textOf([[0, 'first'], [0, 'second']])).toEqual({ text: 'second', bytes: 6 });
  expect(textOf([[0, 'first'], [0, '']])).toEqual(noText);
});

test('a piece that was sent before replaces what followed it', () => {
  expect(textOf([[0, 'äb'], [3, 'c'], [2, 'bc']])).toEqual({ text: 'äbc', bytes: 4 });
});
