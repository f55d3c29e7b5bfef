import { describe, expect, it } from 'vitest';

import { jobWith, pictures, row } from '../testing/values';
import { bodyOf, jobOf, modelsOf, tasksOf } from './replies';
import type { Schemas } from './types';

const reply = (name: string, kind: string): Schemas['Parameter'] => ({ ...row(name, 'text'), kind });

describe('replies of the station', () => {
  it('give every row a control', () => {
    const kinds = [['steps', 'integer'], ['seed', 'integer'], ['prompt', 'string'], ['model', 'model'], ['x', 'new']] as const;
    const task = { id: '', title: '', summary: '', available: true, attachments: [], outputs: [], previews: false, streams_text: false, default_model: '' };
    const [converted] = tasksOf({ tasks: [{ ...task, parameters: kinds.map(([name, kind]) => reply(name, kind)) }] });
    expect(converted?.parameters.map(({ kind }) => kind)).toEqual(['integer', 'seed', 'text', 'model', 'text']);
  });
  it('give models the rows of each task', () => {
    const models = [{ id: 'm', tasks: [{ task: 'generate', parameters: [reply('seed', 'integer')] }] }];
    const list = modelsOf({ models, reason: '' } as unknown as Schemas['ModelViews']);
    expect(list.models[0]?.tasks).toEqual([{ task: 'generate', parameters: [row('seed', 'seed')] }]);
  });
  it('give jobs typed outputs', () => {
    const job = { ...jobWith({ result: pictures(['a'], { steps: 3 }) }), kind: 'generate' };
    expect(jobOf(job as unknown as Schemas['JobView'])).toEqual(jobWith({ result: pictures(['a'], { steps: 3 }) }));
    expect(jobOf({ ...job, result: null } as unknown as Schemas['JobView']).result).toBeNull();
  });
  it('are requested with the parameters and attachments of the job', () => {
    expect(bodyOf({ task: 'generate', input: { steps: 3 }, attachments: { image: 'data:' } })).toEqual({
      task: 'generate', input: { steps: 3, image: 'data:' },
    });
  });
});
