import { describe, expect, it } from 'vitest';

import type { Job } from '../../api/types';
import { cardWith, fit, jobWith, pictures, row, side } from '../../testing/values';
import { toJob } from './form';
import { carriedText, formOf } from './reuse';

const card = cardWith([
  row('prompt', 'text'), row('negative_prompt', 'text'), side('width'), side('height'),
  row('steps', 'integer', '20'), row('guidance', 'number', '4.0'),
  row('sampler', 'choice', '', { choices: ['Euler', 'DPM++ 2M'] }),
  row('schedule', 'choice', 'Automatic', { choices: ['Automatic', 'Karras'] }),
  row('batch', 'integer', '1'), row('strength', 'number', '0.75', { needs: 'image' }), fit,
  row('clip_skip', 'integer', '0'),
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
      { sampler: 'Euler', schedule: 'Karras', batch: 3, clip_skip: 2 },
      { sampler: 'Euler', schedule: 'Karras', batch: 3, clip_skip: 2 });
    expect(inputFor(job)).toMatchObject({ sampler: 'Euler', schedule: 'Karras', batch: 3, clip_skip: 2, seed_text: '7' });
  });
  it('hold every bit of a large seed', () => {
    const seeds = { seed: 18446744073709552000, seed_text: '18446744073709551615' };
    const withSeedControl = cardWith([...card.parameters, row('seed', 'seed')]);
    expect(inputFor(made(seeds, seeds))['seed_text']).toBe('18446744073709551615');
    expect(formOf(made(seeds, seeds), withSeedControl, none).chosen['seed']).toBe('18446744073709551615');
  });
  it("read the sampler name of another client as the title in the card", () => {
    const job = made({ sampler: 'dpmpp_2m_karras' });
    expect(inputFor(job)).toMatchObject({ sampler: 'DPM++ 2M', schedule: 'Karras' });
    const ids = cardWith([row('sampler', 'choice', 'euler', { choices: ['euler', 'dpmpp_2m'] })]);
    expect(formOf(made({ sampler: 'dpmpp_2m' }), ids, none).chosen['sampler']).toBe('dpmpp_2m');
  });
  it('hold strength, fit, source picture and mask', () => {
    const job = made({ image_artifact: 'i', mask_artifact: 'm', fit: 'cover', strength: 0.4 }, { strength: 0.4 });
    const request = requestFor(job, { source: picture, mask });
    expect(request.attachments).toEqual({ image: picture.dataUrl, mask: 'data:mask' });
    expect(request.input).toMatchObject({ fit: 'cover', strength: 0.4 });
    expect(inputFor(job)).not.toHaveProperty('strength');
  });
  it('hold matte and keep_outside only with their pictures', () => {
    const job = made({ image_artifact: 'i', mask_artifact: 'm', matte: '#00ff00', keep_outside: false });
    const form = formOf(job, card, { source: picture, mask });
    expect(toJob(form, card, () => 1).input).toMatchObject({ matte: '#00ff00', keep_outside: false });
    expect(carriedText(form)).toBe('mask, matte #00ff00, keep outside off');
    expect(inputFor(job)).not.toHaveProperty('matte');
    expect(inputFor(job, { source: picture, mask: null })).not.toHaveProperty('keep_outside');
    expect(inputFor(made({ matte: '' }), { source: picture, mask })).not.toHaveProperty('keep_outside');
  });
  it('hold what has no control here, and list it', () => {
    const job = made({ exact_size: true, dtype: 'bf16', negative_prompt: '' });
    const form = formOf(job, card, none);
    expect(toJob(form, card, () => 1).input).toMatchObject({ exact_size: true, dtype: 'bf16', negative_prompt: '' });
    expect(carriedText(form)).toBe('exact size, dtype bf16');
    const bare = cardWith([]);
    expect(formOf(made({ batch: 4, clip_skip: 0 }), bare, none).carried).toEqual({ batch: 4 });
    expect(carriedText({ mask: null, carried: { negative_prompt: '' } })).toBe('');
  });
});
