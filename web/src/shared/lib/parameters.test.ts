import { describe, expect, it } from 'vitest';

import { row } from '../../testing/values';
import { choicesOf, choiceTitle, firstProblem, helpText, inputOf, problemOf, sliderRange } from './parameters';

const steps = row('steps', 'integer', '20', { minimum: 1, maximum: 1000, step: 1 });
const scale = row('scale', 'number', '', { minimum: 0.5, help: 'Factor of enlargement', unit: 'times' });
const tile = row('tile', 'integer', '512', { minimum: 64, maximum: 1024, step: 64 });
const strength = row('strength', 'number', '0.75', {
  minimum: 0, maximum: 1, exclusive_minimum: true, step: 0.01, needs: 'image',
});
const none: ReadonlySet<string> = new Set();

describe('a parameter table', () => {
  it('refuses values outside of the row with the numbers of the row', () => {
    expect(problemOf(steps, '1000')).toBeNull();
    expect(problemOf(steps, '1001')).toBe('Steps: 1001 is out of range. Choose 1 to 1000.');
    expect(problemOf(steps, '0')).toBe('Steps: 0 is out of range. Choose 1 to 1000.');
    expect(problemOf(steps, '2.5')).toBe('Steps: expected a whole number from 1 to 1000, for example 20.');
    expect(problemOf(tile, '100')).toBe('Tile: expected a multiple of 64 from 64 to 1024, for example 512.');
    expect(problemOf(scale, '0.4')).toBe('Scale: 0.4 is out of range. Choose at least 0.5.');
    expect(problemOf(scale, 'two')).toBe('Scale: expected a number at least 0.5.');
    expect(problemOf(scale, ' ')).toMatch(/expected a number/);
    expect(problemOf(row('free', 'number'), '-1e9')).toBeNull();
    expect(problemOf(strength, '0')).toBe('Strength: 0 is out of range. Choose above 0 and at most 1.');
    expect(problemOf(strength, '0.755')).toBeNull(); // a step of a number is that of its slider
  });
  it('takes seeds of 64 bits to the last digit', () => {
    const seed = row('seed', 'seed');
    for (const text of ['', '-1', '0', '18446744073709551615']) expect(problemOf(seed, text)).toBeNull();
    for (const text of ['18446744073709551616', '-2', '1.5', '1e3']) {
      expect(problemOf(seed, text)).toMatch(/^Seed: expected a whole number from 0 to 18446744073709551615/);
    }
    expect(inputOf([seed], { seed: '18446744073709551615' }, none)).toEqual({ seed_text: '18446744073709551615' });
    expect(inputOf([seed], { seed: '-1' }, none)).toEqual({});
  });
  it('leaves an empty field and a default to the model, and sends the rest in its type', () => {
    const exact = row('exact', 'boolean', 'false');
    const rows = [steps, scale, exact, row('question', 'text')];
    expect(inputOf(rows, {}, none)).toEqual({});
    expect(inputOf(rows, { steps: '20', scale: '', exact: 'false' }, none)).toEqual({});
    expect(inputOf(rows, { steps: '9', scale: '2', exact: 'true', question: 'what?' }, none)).toEqual({
      steps: 9, scale: 2, exact: true, question: 'what?',
    });
  });
  it('neither sends nor checks what needs an absent attachment', () => {
    const values = { strength: '7' };
    expect(firstProblem([steps, strength], values, none)).toBeNull();
    expect(firstProblem([steps, strength], values, new Set(['image']))).toMatch(/^Strength: 7 is out of range/);
    expect(inputOf([strength], { strength: '0.5' }, none)).toEqual({});
    expect(inputOf([strength], { strength: '0.5' }, new Set(['image']))).toEqual({ strength: 0.5 });
  });
  it('shows help, range and unit of a row', () => {
    expect(helpText(steps)).toBe('1 to 1000');
    expect(helpText(scale)).toBe('Factor of enlargement · at least 0.5 times');
    expect(helpText(row('name', 'text', '', { help: 'Any text' }))).toBe('Any text');
  });
  it('says in the words of a list what its first choice is', () => {
    const help = 'Of the computation; empty: the fastest';
    expect(helpText(row('dtype', 'choice', '', { help }))).toBe('Of the computation; Automatic: the fastest');
    expect(helpText(row('dtype', 'choice', 'fp32', { help }))).toBe('Of the computation'); // it has no such choice
    expect(helpText(row('sampler', 'choice', 'euler', { help: "Empty: the model's own" }))).toBe('');
    expect(helpText(row('steps', 'integer', '', { help }))).toBe(help);
  });
  it('gives a slider the range of the row, or of its usual values', () => {
    expect(sliderRange(strength)).toEqual({ minimum: 0.01, maximum: 1, step: 0.01 });
    expect(sliderRange(steps)).toEqual({ minimum: 1, maximum: 1000, step: 1 });
    expect(sliderRange({ ...steps, slider_maximum: 150 })).toEqual({ minimum: 1, maximum: 150, step: 1 });
    expect(sliderRange({ ...strength, step: null })?.step).toBe(0.01);
    expect(sliderRange(scale)).toBeNull();
  });
  it('refuses texts of more bytes than the row allows', () => {
    const prompt = row('prompt', 'text', '', { bytes_max: 4 });
    expect(problemOf(prompt, 'ää')).toBeNull();
    expect(problemOf(prompt, 'ääa')).toBe('Prompt: the text is 5 bytes long. Use at most 4.');
  });
  it('shows the title of a choice', () => {
    const sampler = row('sampler', 'choice', 'euler', { choices: ['euler', 'ddim'], choice_titles: ['Euler', 'DDIM'] });
    expect(['ddim', 'lms', ''].map((choice) => choiceTitle(sampler, choice))).toEqual(['DDIM', 'Lms', 'Automatic']);
  });
  it('lists each choice once, and a current value that is none of them', () => {
    const schedule = row('schedule', 'choice', 'Automatic', { choices: ['Automatic', 'Karras'] });
    expect(choicesOf(schedule, 'Automatic')).toEqual(['Automatic', 'Karras']);
    expect(choicesOf({ ...schedule, default_value: '' }, '')).toEqual(['', 'Automatic', 'Karras']);
    expect(choicesOf(schedule, 'Beta')).toEqual(['Automatic', 'Karras', 'Beta']);
  });
});
