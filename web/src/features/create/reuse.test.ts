import { describe, expect, it } from 'vitest';

import type { Job } from '../../api/types';
import { cardWith, fit, jobWith, pictures, row, side } from '../../testing/values';
import { toJob } from './form';
import { formOf } from './reuse';

const card = cardWith([
  row('prompt', 'text'), row('negative_prompt', 'text'), side('width'), side('height'),
  row('steps', 'integer', '20'), row('guidance', 'number', '4'),
  row('sampler', 'choice', '', { choices: ['euler', 'dpmpp_2m'], choice_titles: ['Euler', 'DPM++ 2M'] }),
  row('schedule', 'choice', 'automatic', { choices: ['automatic', 'karras'], choice_titles: ['Automatic', 'Karras'] }),
  row('batch', 'integer', '1'), row('strength', 'number', '0.75', { needs: 'image' }), fit,
  row('matte', 'text', '', { needs: 'image' }), row('keep_outside', 'boolean', 'true', { needs: 'mask' }),
  row('clip_skip', 'integer', '0'), row('exact_size', 'boolean', 'false'),
  row('dtype', 'choice', '', { choices: ['fp32', 'bf16'] }),
]);

const none = { source: null, mask: null };
const picture = { dataUrl: 'data:image/png;base64,AA', name: 'a.png' };
const mask = { dataUrl: 'data:mask', name: 'm' };
const made = (input: Record<string, unknown> = {}, used: Record<string, unknown> = {}) =>
  jobWith({
    input: {
      prompt: 'a red circle', negative_prompt: null, model: 'small', width: null, height: null, exact_size: false,
      steps: null, guidance: null, guidance_rescale: null, sampler: '', schedule: '', seed: 7, seed_text: '7', batch: 1,
      strength: null, fit: 'stretch', matte: '', keep_outside: true, clip_skip: 0, dtype: '', precise: false,
      preview_every: 1, tile_vae: false, image_artifact: '', mask_artifact: '', ...input,
    },
    result: pictures(['p'], {
      model: 'small', model_title: 'Small', model_hash: '', sampler: 'DPM++ 2M', schedule: 'Karras', width: 160,
      height: 104, made_width: 160, made_height: 104, steps: 12, guidance: 4, seed: 7, seed_text: '7', batch: 1,
      strength: null, matte: null, keep_outside: null, clip_skip: 0, dtype: 'fp32', prompt: 'a red circle',
      negative_prompt: '', warnings: [], ...used,
    }),
  });
const requestFor = (job: Job, with_ = none as Parameters<typeof formOf>[2]) =>
  toJob(formOf(job, card, with_), card, () => 999);
const inputFor = (...parameters: Parameters<typeof requestFor>) => requestFor(...parameters).input;

describe('the settings of a picture', () => {
  it('request it again, with the defaults of that time', () => {
    expect(inputFor(made({}, { guidance: 3 }))).toEqual({
      prompt: 'a red circle', model: 'small', preview_every: 1, steps: 12, guidance: 3, width: 160, height: 104,
      seed_text: '7',
    });
  });
  it('hold sampler, schedule, CLIP skip and batch', () => {
    const job = made(
      { sampler: 'euler', schedule: 'karras', batch: 3, clip_skip: 2 },
      { sampler: 'Euler', schedule: 'Karras', batch: 3, clip_skip: 2 });
    expect(inputFor(job)).toMatchObject({ sampler: 'euler', schedule: 'karras', batch: 3, clip_skip: 2, seed_text: '7' });
  });
  it('hold every bit of a large seed', () => {
    const seeds = { seed: 18446744073709552000, seed_text: '18446744073709551615' };
    const withSeedControl = cardWith([...card.parameters, row('seed', 'seed')]);
    expect(inputFor(made(seeds, seeds))['seed_text']).toBe('18446744073709551615');
    expect(formOf(made(seeds, seeds), withSeedControl, none).chosen['seed']).toBe('18446744073709551615');
  });
  it('read titles and the names of other clients as choices of the card', () => {
    expect(inputFor(made({ sampler: 'dpmpp_2m_karras' }))).toMatchObject({ sampler: 'dpmpp_2m', schedule: 'karras' });
    expect(inputFor(made({ sampler: 'Euler', schedule: 'Karras' }))).toMatchObject({ sampler: 'euler', schedule: 'karras' });
    expect(inputFor(made())).not.toHaveProperty('schedule'); // a default sampler has its own
  });
  it('hold strength, fit, source picture and mask', () => {
    const job = made({ image_artifact: 'i', mask_artifact: 'm', fit: 'cover', strength: 0.4 }, { strength: 0.4 });
    const request = requestFor(job, { source: picture, mask });
    expect(request.attachments).toEqual({ image: picture.dataUrl, mask: 'data:mask' });
    expect(request.input).toMatchObject({ fit: 'cover', strength: 0.4 });
    expect(inputFor(job)).not.toHaveProperty('strength');
  });
  it('hold matte and keep_outside only with their pictures', () => {
    const job = made(
      { image_artifact: 'i', mask_artifact: 'm', matte: '#00ff00', keep_outside: false },
      { matte: '#00ff00', keep_outside: false });
    expect(inputFor(job, { source: picture, mask })).toMatchObject({ matte: '#00ff00', keep_outside: false });
    expect(inputFor(made({ matte: '' }, { matte: '#ffffff' }), { source: picture, mask })).not.toHaveProperty('matte');
    expect(inputFor(job)).not.toHaveProperty('matte');
    expect(inputFor(job, { source: picture, mask: null })).not.toHaveProperty('keep_outside');
  });
  it('hold an empty negative prompt, and a number format only where it was requested', () => {
    expect(inputFor(made({ negative_prompt: '' }))).toMatchObject({ negative_prompt: '' });
    expect(inputFor(made())).not.toHaveProperty('negative_prompt');
    expect(inputFor(made())).not.toHaveProperty('dtype');
    expect(inputFor(made({ exact_size: true, dtype: 'bf16' }))).toMatchObject({ exact_size: true, dtype: 'bf16' });
  });
});
