import { describe, expect, it } from 'vitest';

import type { ModelCard, Parameter } from '../../api/types';
import { defaultValues, formProblem, sizePresets, toJob, valuesForModel, type FormState } from './form';

const parameter = (name: string, kind: Parameter['kind'], value: string): Parameter => ({
  name, kind, title: name, help: '', minimum: null, maximum: null, step: null, default_value: value, choices: [],
});

const card: ModelCard = {
  id: 'small', title: 'Small', family: 'sd15', task: 'generation', description: '', format: 'diffusers',
  content_hash: '', source: 'starter', size_bytes: 0, problem: '', memory: { weights_bytes: 0, bytes_per_pixel: 0 },
  capabilities: ['text_to_image', 'image_to_image'], native_width: 128, native_height: 128,
  parameters: [
    parameter('steps', 'integer', '20'), parameter('guidance', 'number', '5'),
    parameter('sampler', 'choice', ''), parameter('strength', 'number', '0.75'),
  ],
};

const form = (changes: Partial<FormState> = {}): FormState => ({
  prompt: 'a red circle', negativePrompt: '', model: 'small', values: defaultValues(card),
  seedLocked: false, source: null, ...changes,
});

describe('the create form', () => {
  it('offers sizes that the station accepts', () => {
    for (const { width, height } of sizePresets({ ...card, native_width: 512, native_height: 512 })) {
      expect(width % 8).toBe(0);
      expect(height % 8).toBe(0);
    }
  });
  it('sends what was changed and leaves defaults to the model', () => {
    const values = { ...defaultValues(card), steps: '12' };
    const job = toJob(form({ values }), card, () => 7);
    expect(job.input).toEqual({
      prompt: 'a red circle', model: 'small', preview_every: 1, steps: 12, width: 128, height: 128, seed: 7,
    });
  });
  it('sends strength only with a picture to start from', () => {
    const values = { ...defaultValues(card), strength: '0.5' };
    expect(toJob(form({ values }), card, () => 1).input).not.toHaveProperty('strength');
    const source = { dataUrl: 'data:image/png;base64,AA', name: 'a.png' };
    expect(toJob(form({ values, source }), card, () => 1).input).toMatchObject({
      strength: 0.5, image: source.dataUrl,
    });
  });
  it('keeps a locked seed', () => {
    const values = { ...defaultValues(card), seed: '42' };
    expect(toJob(form({ values, seedLocked: true }), card, () => 1).input['seed']).toBe(42);
    expect(toJob(form({ values }), card, () => 1).input['seed']).toBe(1);
  });
  it('says what is wrong in a sentence', () => {
    expect(formProblem(form({ prompt: ' ' }), card)).toMatch(/Write what/);
    expect(formProblem(form({ values: { ...defaultValues(card), width: '130' } }), card)).toMatch(/multiple of 8/);
    expect(formProblem(form(), undefined)).toMatch(/No model/);
    expect(formProblem(form(), card)).toBeNull();
  });
  it('keeps chosen values when the model changes and takes the new defaults for the rest', () => {
    const other: ModelCard = { ...card, id: 'big', native_width: 512, native_height: 512,
      parameters: [parameter('steps', 'integer', '30'), parameter('guidance', 'number', '7')] };
    const values = valuesForModel(other, { ...defaultValues(card), guidance: '3' }, card);
    expect(values).toMatchObject({ steps: '30', guidance: '3', width: '512' });
  });
});
