import { expect, test } from 'vitest';

import { labelsOf, percent } from './labels';

test('labels are listed with the highest score first, and entries without a score left out', () => {
  const list = [{ label: 'plain', score: 0.1 }, { label: 'marked', score: 0.9 }, { label: 'x' }, null];
  const expected = [{ name: 'marked', score: 0.9 }, { name: 'plain', score: 0.1 }];
  expect(labelsOf(list)).toEqual(expected);
  expect(labelsOf('marked')).toEqual([]);
  expect(labelsOf(null)).toEqual([]);
});

test('scores are written as percent, with a decimal where it matters', () => {
  expect([1, 0.995, 0.5, 0.042, 0.0001, 0].map(percent)).toEqual(['100.0 %', '99.5 %', '50 %', '4.2 %', '< 0.1 %', '0.0 %']);
});
