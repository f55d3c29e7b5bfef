import { describe, expect, it } from 'vitest';

import { bodyOf, cardOf, jobOf, parameterOf, taskOf, type JobReply, type ModelReply, type ParameterReply } from './replies';

const reply = (name: string, kind: string, value = '', choices: string[] = []): ParameterReply => ({
  name, kind, title: name, help: '', minimum: null, maximum: null, step: null, default_value: value, choices,
});

describe('replies of the station', () => {
  it('give rows a kind, a unit and a need', () => {
    const kinds = [['steps', 'integer'], ['seed', 'integer'], ['prompt', 'string'], ['x', 'new kind']] as const;
    expect(kinds.map(([name, kind]) => parameterOf(reply(name, kind)).kind)).toEqual(['integer', 'seed', 'text', 'text']);
    expect(parameterOf(reply('strength', 'number'))).toMatchObject({ needs: 'image', unit: '' });
    expect(parameterOf({ ...reply('tile', 'integer'), needs: '', unit: 'pixels' })).toMatchObject({ needs: '', unit: 'pixels' });
    expect(parameterOf({ ...reply('strength', 'number'), needs: 'mask' }).needs).toBe('mask');
  });
  it('give every card the fit of a source picture, once', () => {
    const card = (parameters: ParameterReply[]) => cardOf({ parameters } as ModelReply).parameters;
    expect(card([]).map(({ name, needs }) => [name, needs])).toEqual([['fit', 'image']]);
    expect(card([reply('fit', 'choice', 'cover', ['cover'])]).map(({ default_value }) => default_value)).toEqual(['cover']);
  });
  it('read a default in the spelling of its choices', () => {
    const choices = ['Euler', 'DPM++ 2M'];
    const listed = (value: string) =>
      taskOf({ id: '', title: '', summary: '', attachments: [], outputs: [], parameters: [reply('s', 'choice', value, choices)] })
        .parameters[0]?.default_value;
    expect([listed('dpm++ 2m'), listed('heun'), listed('')]).toEqual(['DPM++ 2M', '', '']);
  });
  it('give every job a task and typed outputs', () => {
    const job = (more: object) => jobOf({ id: 'j', state: 'succeeded', result: null, ...more } as JobReply);
    expect(job({ kind: 'generate' })).toMatchObject({ task: 'generate', result: null });
    expect(job({ task: 'classify' }).task).toBe('classify');
    expect(job({ result: { artifacts: ['a'], used: { steps: 3 } } }).result).toEqual({
      artifacts: ['a'], used: { steps: 3 },
      outputs: [{ kind: 'picture', artifact: 'a', media_type: 'image/png', data: null }],
    });
    const output = { kind: 'labels', artifact: '', media_type: '' };
    const scores = [{ label: 'plain', score: 1 }];
    const result = { artifacts: [], used: {}, outputs: [{ ...output, value: scores }] };
    expect(job({ result }).result?.outputs).toEqual([{ ...output, data: scores }]);
  });
  it('are requested with the parameters and attachments of the job', () => {
    expect(bodyOf({ task: 'generate', input: { steps: 3 }, attachments: { image: 'data:' } })).toEqual({
      task: 'generate', input: { steps: 3, image: 'data:' },
    });
  });
});
