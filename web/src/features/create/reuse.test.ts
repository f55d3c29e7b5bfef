import { describe, expect, it } from 'vitest';

import type { Job, ModelCard, Parameter } from '../../api/types';
import { toJob } from './form';
import { carriedWords, formOf } from './reuse';

const parameter = (name: string, kind: Parameter['kind'], value: string, choices: string[] = []): Parameter => ({
  name, kind, title: name, help: '', minimum: null, maximum: null, step: null, default_value: value, choices,
});
const card: ModelCard = {
  id: 'small', title: 'Small', family: 'sd15', task: 'generation', description: '', format: 'diffusers',
  content_hash: '', source: 'starter', size_bytes: 0, problem: '', memory: { weights_bytes: 0, bytes_per_pixel: 0 },
  capabilities: ['text_to_image', 'image_to_image'], native_width: 128, native_height: 128, warnings: [],
  parameters: [
    parameter('prompt', 'string', ''), parameter('negative_prompt', 'string', ''),
    parameter('steps', 'integer', '20'), parameter('guidance', 'number', '4.0'),
    parameter('sampler', 'choice', '', ['Euler', 'DPM++ 2M']),
    parameter('schedule', 'choice', 'Automatic', ['Automatic', 'Karras']),
    parameter('batch', 'integer', '1'), parameter('strength', 'number', '0.75'), parameter('clip_skip', 'integer', '0'),
  ],
};

const none = { source: null, mask: null };
const picture = { dataUrl: 'data:image/png;base64,AA', name: 'a.png' };
const made = (input: Partial<Job['input']> = {}, used: Partial<NonNullable<Job['result']>['used']> = {}) => ({
  id: 'j', kind: 'generate', state: 'succeeded', client: 'api', priority: 2, attempt: 1,
  created_ms: 0, started_ms: 0, finished_ms: 0, reason: '', failure: null,
  progress: { stage: '', step: 0, total: 0, fraction: 1, eta_seconds: 0, steps_per_second: 0, preview_artifact: '' },
  input: {
    prompt: 'a red circle', negative_prompt: null, model: 'small', width: null, height: null, exact_size: false,
    steps: null, guidance: null, guidance_rescale: null, sampler: '', schedule: '', seed: 7, seed_text: '7', batch: 1,
    strength: null, fit: 'stretch', matte: '', keep_outside: true, clip_skip: 0, dtype: '', precise: false,
    preview_every: 1, tile_vae: false, image_artifact: '',
    mask_artifact: '', ...input,
  },
  result: {
    artifacts: ['p'], timing: { load_ms: 0, encode_ms: 0, denoise_ms: 0, decode_ms: 0, step_ms_median: 0 },
    used: {
      model: 'small', model_title: 'Small', model_hash: '', sampler: 'DPM++ 2M', schedule: 'Karras', width: 160,
      height: 104, made_width: 160, made_height: 104, steps: 12, guidance: 4, seed: 7, seed_text: '7', batch: 1,
      strength: null, matte: null, keep_outside: null, clip_skip: 0, dtype: 'fp32', prompt: 'a red circle',
      negative_prompt: '', warnings: [], ...used,
    },
  },
}) as Job;
const asked = (job: Job, pictures = none as Parameters<typeof formOf>[2]) =>
  toJob(formOf(job, card, pictures), card, () => 999).input;

describe('the settings of a picture', () => {
  it('ask for it again, defaults of that day included', () => {
    expect(asked(made({}, { guidance: 3 }))).toEqual({
      prompt: 'a red circle', model: 'small', preview_every: 1, steps: 12, guidance: 3, width: 160, height: 104,
      seed_text: '7',
    });
  });
  it('hold sampler, schedule, CLIP skip and batch', () => {
    const job = made(
      { sampler: 'Euler', schedule: 'Karras', batch: 3, clip_skip: 2 },
      { sampler: 'Euler', schedule: 'Karras', batch: 3, clip_skip: 2 });
    expect(asked(job)).toMatchObject({ sampler: 'Euler', schedule: 'Karras', batch: 3, clip_skip: 2, seed_text: '7' });
  });
  it('hold every bit of a large seed', () => {
    const seeds = { seed: 18446744073709552000, seed_text: '18446744073709551615' };
    const withSeedControl = { ...card, parameters: [...card.parameters, parameter('seed', 'integer', '')] };
    expect(asked(made(seeds, seeds))['seed_text']).toBe('18446744073709551615');
    expect(formOf(made(seeds, seeds), withSeedControl, none).chosen['seed']).toBe('18446744073709551615');
  });
  it("read another client's sampler name under the card's title", () => {
    const job = made({ sampler: 'dpmpp_2m_karras' });
    expect(asked(job)).toMatchObject({ sampler: 'DPM++ 2M', schedule: 'Karras' });
    const ids = { ...card, parameters: [parameter('sampler', 'choice', 'euler', ['euler', 'dpmpp_2m'])] };
    expect(formOf(made({ sampler: 'dpmpp_2m' }), ids, none).chosen['sampler']).toBe('dpmpp_2m');
  });
  it('hold strength, fit, source picture and mask', () => {
    const job = made({ image_artifact: 'i', mask_artifact: 'm', fit: 'cover', strength: 0.4 }, { strength: 0.4 });
    const mask = { dataUrl: 'data:mask', name: 'm' };
    expect(asked(job, { source: picture, mask })).toMatchObject({
      image: picture.dataUrl, mask: 'data:mask', fit: 'cover', strength: 0.4,
    });
    expect(asked(job)).not.toHaveProperty('strength');
  });
  it('hold matte and what is kept outside the mask, with their pictures alone', () => {
    const job = made({ image_artifact: 'i', mask_artifact: 'm', matte: '#00ff00', keep_outside: false });
    const mask = { dataUrl: 'data:mask', name: 'm' };
    const form = formOf(job, card, { source: picture, mask });
    expect(toJob(form, card, () => 1).input).toMatchObject({ matte: '#00ff00', keep_outside: false });
    expect(carriedWords(form.carried)).toBe('matte #00ff00, mask, keep outside off');
    expect(asked(job)).not.toHaveProperty('matte');
    expect(asked(job, { source: picture, mask: null })).not.toHaveProperty('keep_outside');
    expect(asked(made({ matte: '' }), { source: picture, mask })).not.toHaveProperty('keep_outside');
  });
  it('hold what has no control here, and say so', () => {
    const job = made({ exact_size: true, dtype: 'bf16', negative_prompt: '' });
    const form = formOf(job, card, none);
    expect(toJob(form, card, () => 1).input).toMatchObject({ exact_size: true, dtype: 'bf16', negative_prompt: '' });
    expect(carriedWords(form.carried)).toBe('exact size, dtype bf16');
    const bare = { ...card, parameters: [] };
    expect(formOf(made({ batch: 4, clip_skip: 0 }), bare, none).carried).toEqual({ batch: 4 });
    expect(carriedWords({ negative_prompt: '' })).toBe('');
  });
});
