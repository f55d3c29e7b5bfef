// From the station's replies to the page's types, and from a new job to the body of its request. Whatever the page
// represents differently from the station is converted here and nowhere else.
import type { Job, JobState, Model, ModelList, NewJob, Parameter, ParameterKind, Schemas, Task } from './types';

const kinds = new Set<string>(['integer', 'number', 'boolean', 'choice', 'model'] satisfies ParameterKind[]);

function kindOf({ name, kind }: Schemas['Parameter']): ParameterKind {
  if (name === 'seed') return 'seed';
  return kinds.has(kind) ? (kind as ParameterKind) : 'text';
}

const parametersOf = (rows: Schemas['Parameter'][]): Parameter[] => rows.map((row) => ({ ...row, kind: kindOf(row) }));

function modelOf({ tasks, parameters: _parameters, task: _task, ...reply }: Schemas['ModelView']): Model {
  return { ...reply, tasks: tasks.map(({ task, parameters }) => ({ task, parameters: parametersOf(parameters) })) };
}

export const modelsOf = ({ models, reason }: Schemas['ModelViews']): ModelList => ({
  models: models.map(modelOf),
  reason,
});

export const tasksOf = ({ tasks }: Schemas['TaskList']): Task[] =>
  tasks.map((task) => ({ ...task, parameters: parametersOf(task.parameters) }));

export const jobOf = ({ kind: _kind, ...reply }: Schemas['JobView']): Job => ({
  ...reply,
  state: reply.state as JobState,
  input: reply.input as object as Job['input'],
  result: reply.result && { outputs: reply.result.outputs, used: reply.result.used as object as Job['input'] },
});

export const bodyOf = ({ task, input, attachments }: NewJob): object => ({ task, input: { ...input, ...attachments } });
