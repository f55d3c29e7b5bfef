import { describe, expect, it } from 'vitest';

import { gigabytes, seconds, sentence, speed, warningText } from './format';

describe('format', () => {
  it('writes short times with a tenth and long ones in minutes', () => {
    expect(seconds(3.14)).toBe('3.1 s');
    expect(seconds(42.4)).toBe('42 s');
    expect(seconds(125)).toBe('2 min 05 s');
    expect(seconds(Number.NaN)).toBe('');
  });
  it('writes slow speeds as seconds per step', () => {
    expect(speed(2.5)).toBe('2.5 steps/s');
    expect(speed(0.25)).toBe('4.0 s/step');
    expect(speed(0)).toBe('');
  });
  it("makes a sentence of the text of the station", () => {
    expect(sentence('the worker starts: wait')).toBe('The worker starts: wait.');
    expect(sentence('Is it there?')).toBe('Is it there?');
  });
  it('leaves advice about a setting without control out of a warning', () => {
    expect(warningText('made at 128x128 and enlarged to 512x512 (exact_size turns this off)')).toBe(
      'Made at 128x128 and enlarged to 512x512.');
  });
  it('writes memory in gigabytes', () => {
    expect(gigabytes(24576)).toBe('24.0 GB');
  });
});
