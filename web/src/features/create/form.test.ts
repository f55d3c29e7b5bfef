import { describe, expect, it } from 'vitest';

import type { ModelCard } from '../../api/types';
import { cardWith, fit, row, side } from '../../testing/values';
import {
  changed, emptyForm, formProblem, groupRows, modelLabel, seedTyped, sizeHint, sizePresets, toJob, valuesOf, withModel,
  type FormState,
} from './form';

const card = cardWith([
  row('steps', 'integer', '20', { minimum: 1, maximum: 150 }), row('guidance', 'number', '5'), row('sampler', 'choice'),
  row('strength', 'number', '0.75', { needs: 'image' }), fit, side('width'), side('height'),
]);
const source = { dataUrl: 'data:image/png;base64,AA', name: 'a.png' };
const mask = { dataUrl: 'data:mask', name: 'm' };

const form = (changes: Partial<FormState> = {}): FormState => ({
  ...emptyForm, prompt: 'a red circle', model: 'small', ...changes,
});

describe('the create form', () => {
  it('offers sizes that the rows of the card allow', () => {
    const wide = { ...side('width'), maximum: 640, step: 64 };
    const offered = sizePresets({ ...cardWith([wide, side('height')]), native_width: 512, native_height: 512 });
    expect(offered.map(({ width, height }) => [width, height])).toEqual([[512, 512], [640, 416], [448, 624], [640, 384]]);
  });
  it('hints at a repeated subject where the model draws more than it was trained on', () => {
    const hint = (width: number, height: number, exact = false) =>
      sizeHint(card, String(width), String(height), exact);
    expect(hint(128, 128)).toBeNull();
    expect(hint(160, 152)).toBeNull(); // below 1.5 times
    expect(hint(256, 256)).toMatch(/trained on \(128 × 128\).*repeat/); // 4 times: still drawn as it is
    expect(hint(256, 264)).toBeNull(); // made small and enlarged
    expect(hint(512, 512, true)).toMatch(/repeat/);
    expect(sizeHint(card, '', '128')).toBeNull();
  });
  it('draws the parameters of a picture beside it, and the others by use', () => {
    const names = Object.entries(groupRows(card)).map(([group, rows]) => [group, ...rows.map(({ name }) => name)]);
    expect(names).toEqual([['source', 'strength', 'fit'], ['everyday', 'steps', 'guidance', 'sampler'], ['further']]);
  });
  it('shows the ids of models with the same title and marks those that cannot be used', () => {
    const other = { ...card, id: 'sd/small' };
    expect(modelLabel(card, [card])).toBe('Small');
    expect(modelLabel(other, [card, other])).toBe('Small (sd/small)');
    expect(modelLabel({ ...card, problem: 'cut short' }, [card])).toBe('Small: cannot be used');
  });
  it('sends the schedule that was chosen with a sampler, even where it is the default of the model', () => {
    const own = cardWith([...card.parameters, row('schedule', 'choice', 'Karras')]);
    const sent = (chosen: Record<string, string>) => toJob(form({ chosen }), own, () => 1).input['schedule'];
    expect(sent({ sampler: 'Euler', schedule: 'Karras' })).toBe('Karras');
    expect(sent({ sampler: 'DDIM' })).toBeUndefined(); // a sampler that does not support every schedule
    expect(sent({ schedule: 'Karras' })).toBeUndefined();
  });
  it('removes the mask with the picture', () => {
    expect(changed(form({ source, mask }), { source: null })).toMatchObject({ source: null, mask: null });
    expect(changed(form({ source, mask }), { prompt: 'a' })).toMatchObject({ source, mask });
  });
  it('sends what was changed and leaves defaults to the model', () => {
    const job = toJob(form({ chosen: { steps: '12' } }), card, () => 7);
    expect(job.input).toEqual({
      prompt: 'a red circle', model: 'small', preview_every: 1, steps: 12, width: 128, height: 128, seed_text: '7',
    });
  });
  it('sends strength only with a picture to start from', () => {
    const chosen = { strength: '0.5' };
    expect(toJob(form({ chosen }), card, () => 1).input).not.toHaveProperty('strength');
    const job = toJob(form({ chosen, source }), card, () => 1);
    expect(job.input).toMatchObject({ strength: 0.5 });
    expect(job.attachments).toEqual({ image: source.dataUrl });
  });
  it('keeps a locked seed', () => {
    const chosen = { seed: '42' };
    expect(toJob(form({ chosen, seedLocked: true }), card, () => 1).input['seed_text']).toBe('42');
    expect(toJob(form({ chosen }), card, () => 1).input['seed_text']).toBe('1');
  });
  it('sends every bit of a large seed, and takes -1 for any', () => {
    const sent = (seed: string) => {
      const typed = changed(form(), seedTyped(seed));
      return [formProblem(typed, card, ''), toJob(typed, card, () => 5).input['seed_text']];
    };
    expect(sent('18446744073709551615')).toEqual([null, '18446744073709551615']);
    expect(sent('9007199254740993')).toEqual([null, '9007199254740993']);
    expect(sent('-1')).toEqual([null, '5']);
    expect(sent('')).toEqual([null, '5']);
    for (const none of ['18446744073709551616', '-2', '1.5', '1e3', '0x10']) expect(sent(none)[0]).toMatch(/whole number/);
  });
  it('reports problems in sentences', () => {
    const problem = (changes: Partial<FormState>) => formProblem(form(changes), card, '');
    expect(problem({ prompt: ' ' })).toMatch(/Describe/);
    expect(problem({ chosen: { width: '130' } })).toMatch(/multiple of 8/);
    expect(problem({ chosen: { steps: '151' } })).toBe('Steps: 151 is out of range. Choose 1 to 150.');
    expect(problem({ chosen: { strength: 'x' } })).toBeNull(); // not shown without a picture
    expect(problem({ source, chosen: { strength: 'x' } })).toMatch(/Strength: expected a number/);
    expect(formProblem(form({ prompt: 'ä'.repeat(6) }), cardWith([...card.parameters, row('prompt', 'text', '', { bytes_max: 11 })]), '')).toBe(
      'Prompt: the text is 12 bytes long. Use at most 11.');
    expect(problem({ chosen: { width: '' } })).toBe('The width is missing.');
    expect(problem({ chosen: { seed: 'three' } })).toMatch(/whole number/);
    expect(problem({})).toBeNull();
    expect(formProblem(form(), undefined, 'The worker starts.')).toBe('The worker starts.');
    expect(formProblem(form(), { ...card, problem: 'its file is cut short' }, '')).toBe('Its file is cut short.');
  });
  it('keeps what was typed before the card came, and what changes at the same time', () => {
    const early = changed(form({ model: '' }), { chosen: { seed: '3' } });
    const both = changed(changed(early, { model: 'small' }), { chosen: { steps: '9' } });
    expect(valuesOf(both, card)).toMatchObject({ seed: '3', steps: '9', width: '128', height: '128' });
    expect(formProblem(both, card, '')).toBeNull();
  });
  it('keeps chosen values when the model changes and takes the new defaults for the rest', () => {
    const other: ModelCard = { ...card, id: 'big', native_width: 512, native_height: 512,
      parameters: [row('steps', 'integer', '30'), row('guidance', 'number', '7'), row('width', 'integer', '512')] };
    const before = form({ chosen: { guidance: '3', steps: '20', width: '128' } });
    const after = withModel(before, 'big', card);
    expect(after.model).toBe('big');
    expect(valuesOf(after, other)).toMatchObject({ steps: '30', guidance: '3', width: '512' });
  });
});
