import { describe, expect, it } from 'vitest';

import type { ModelCard, Parameter } from '../../api/types';
import {
  changed, choicesOf, drawnParameters, formProblem, groupParameters, modelLabel, seedTyped, sizeHint, sizePresets, toJob, valuesOf,
  withListedDefaults, withModel, type FormState,
} from './form';

const parameter = (name: string, kind: Parameter['kind'], value: string): Parameter => ({
  name, kind, title: name, help: '', minimum: null, maximum: null, step: null, default_value: value, choices: [],
});

const card: ModelCard = {
  id: 'small', title: 'Small', family: 'sd15', task: 'generation', description: '', format: 'diffusers',
  content_hash: '', source: 'starter', size_bytes: 0, problem: '', memory: { weights_bytes: 0, bytes_per_pixel: 0 },
  capabilities: ['text_to_image', 'image_to_image'], native_width: 128, native_height: 128, warnings: [],
  parameters: [
    parameter('steps', 'integer', '20'), parameter('guidance', 'number', '5'),
    parameter('sampler', 'choice', ''), parameter('strength', 'number', '0.75'),
  ],
};

const form = (changes: Partial<FormState> = {}): FormState => ({
  prompt: 'a red circle', negativePrompt: '', model: 'small', chosen: {},
  seedLocked: false, source: null, carried: {}, ...changes,
});

describe('the create form', () => {
  it('offers sizes that the station accepts', () => {
    for (const { width, height } of sizePresets({ ...card, native_width: 512, native_height: 512 })) {
      expect(width % 8).toBe(0);
      expect(height % 8).toBe(0);
    }
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
  it('asks for strength and fit beside the source picture, for any model', () => {
    const names = (withPicture: boolean) =>
      groupParameters(drawnParameters(card, withPicture)).source.map((each) => each.name);
    expect(names(true)).toEqual(['strength', 'fit']);
    expect(names(false)).toEqual([]);
    expect(valuesOf(form(), card)['fit']).toBe('stretch');
  });
  it('lists each choice once, and what is chosen though the card does not know it', () => {
    const schedule = { ...parameter('schedule', 'choice', 'Automatic'), choices: ['Automatic', 'Karras'] };
    expect(choicesOf(schedule, 'Automatic')).toEqual(['Automatic', 'Karras']);
    expect(choicesOf({ ...schedule, default_value: '' }, '')).toEqual(['', 'Automatic', 'Karras']);
    expect(choicesOf(schedule, 'Beta')).toEqual(['Automatic', 'Karras', 'Beta']);
  });
  it('reads a default in the words of its choices', () => {
    const listed = (value: string) => {
      const sampler = { ...parameter('sampler', 'choice', value), choices: ['Euler', 'DPM++ 2M'] };
      return withListedDefaults({ ...card, parameters: [sampler] }).parameters[0]?.default_value;
    };
    expect([listed('dpm++ 2m'), listed('heun'), listed('')]).toEqual(['DPM++ 2M', '', '']);
  });
  it('tells models of one title apart and says which cannot be used', () => {
    const other = { ...card, id: 'sd/small' };
    expect(modelLabel(card, [card])).toBe('Small');
    expect(modelLabel(other, [card, other])).toBe('Small (sd/small)');
    expect(modelLabel({ ...card, problem: 'cut short' }, [card])).toBe('Small: cannot be used');
  });
  it('sends the schedule that was chosen with a sampler, though it is the default of the model', () => {
    const own = { ...card, parameters: [...card.parameters, parameter('schedule', 'choice', 'Karras')] };
    const sent = (chosen: Record<string, string>) => toJob(form({ chosen }), own, () => 1).input['schedule'];
    expect(sent({ sampler: 'Euler', schedule: 'Karras' })).toBe('Karras');
    expect(sent({ sampler: 'DDIM' })).toBeUndefined(); // which cannot walk every schedule
    expect(sent({ schedule: 'Karras' })).toBeUndefined();
  });
  it('takes a mask, its wish and the matte away with their picture', () => {
    const carried = { mask: 'data:', keep_outside: false, matte: 'black', dtype: 'bf16' };
    expect(changed(form({ carried }), { source: null }).carried).toEqual({ dtype: 'bf16' });
    expect(changed(form({ carried }), { prompt: 'a' }).carried).toEqual(carried);
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
    const source = { dataUrl: 'data:image/png;base64,AA', name: 'a.png' };
    expect(toJob(form({ chosen, source }), card, () => 1).input).toMatchObject({
      strength: 0.5, image: source.dataUrl,
    });
  });
  it('keeps a locked seed', () => {
    const chosen = { seed: '42' };
    expect(toJob(form({ chosen, seedLocked: true }), card, () => 1).input['seed_text']).toBe('42');
    expect(toJob(form({ chosen }), card, () => 1).input['seed_text']).toBe('1');
  });
  it('sends every bit of a large seed, and takes -1 for any', () => {
    const asked = (seed: string) => {
      const typed = changed(form(), seedTyped(seed));
      return [formProblem(typed, card, ''), toJob(typed, card, () => 5).input['seed_text']];
    };
    expect(asked('18446744073709551615')).toEqual([null, '18446744073709551615']);
    expect(asked(' 9007199254740993 ')).toEqual([null, '9007199254740993']);
    expect(asked('-1')).toEqual([null, '5']);
    expect(asked('')).toEqual([null, '5']);
    for (const none of ['18446744073709551616', '-2', '1.5', '1e3', '0x10']) expect(asked(none)[0]).toMatch(/whole number/);
  });
  it('says what is wrong in a sentence', () => {
    const problem = (changes: Partial<FormState>) => formProblem(form(changes), card, '');
    expect(problem({ prompt: ' ' })).toMatch(/Write what/);
    expect(problem({ chosen: { width: '130' } })).toMatch(/multiple of 8/);
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
      parameters: [parameter('steps', 'integer', '30'), parameter('guidance', 'number', '7')] };
    const before = form({ chosen: { guidance: '3', steps: '20', width: '128' } });
    const after = withModel(before, 'big', card);
    expect(after.model).toBe('big');
    expect(valuesOf(after, other)).toMatchObject({ steps: '30', guidance: '3', width: '512' });
  });
});
