// From the station's replies to the page's types, and from a new job to the body of its request. Whatever the page
// calls otherwise than the station is translated here and nowhere else.
import type { Job, JobResult, JobState, ModelCard, ModelList, NewJob, Output, Parameter, ParameterKind, ParameterRow, Task } from './types';

export type ParameterReply = ParameterRow & { unit?: string; needs?: string };

const kinds = new Set<string>(['integer', 'number', 'boolean', 'choice', 'text', 'seed'] satisfies ParameterKind[]);

// These have no effect without a picture; their rows do not say so yet.
const ofPicture = new Set(['strength', 'fit']);

function kindOf({ name, kind }: ParameterReply): ParameterKind {
  if (name === 'seed') return 'seed';
  return kinds.has(kind) ? (kind as ParameterKind) : 'text';
}

export const parameterOf = (reply: ParameterReply): Parameter => ({
  ...reply,
  kind: kindOf(reply),
  unit: reply.unit ?? '',
  needs: reply.needs ?? (ofPicture.has(reply.name) ? 'image' : ''),
});

// Every model takes it beside a picture, and not every card lists it yet.
const fit: Parameter = {
  name: 'fit', kind: 'choice', title: 'Fit', help: 'How the picture is changed to the size of the result',
  minimum: null, maximum: null, step: null, default_value: 'stretch', choices: ['stretch', 'cover', 'contain'],
  unit: '', needs: 'image',
};

// A card may spell its default differently from its choices; a default that is not among them is left to the model.
function withListedDefault(parameter: Parameter): Parameter {
  if (parameter.kind !== 'choice') return parameter;
  const { choices, default_value } = parameter;
  const listed = choices.find((choice) => choice.toLowerCase() === default_value.toLowerCase());
  return { ...parameter, default_value: listed ?? '' };
}

export type ModelReply = Omit<ModelCard, 'parameters'> & { parameters: ParameterReply[] };

export function cardOf(reply: ModelReply): ModelCard {
  const parameters = reply.parameters.map((each) => withListedDefault(parameterOf(each)));
  const hasFit = parameters.some(({ name }) => name === fit.name);
  return { ...reply, parameters: hasFit ? parameters : [...parameters, fit] };
}

export const modelsOf = (reply: { models: ModelReply[]; reason: string }): ModelList => ({
  ...reply,
  models: reply.models.map(cardOf),
});

export type TaskReply = Omit<Task, 'parameters'> & { parameters: ParameterReply[] };

export const taskOf = (reply: TaskReply): Task => ({
  ...reply,
  parameters: reply.parameters.map((each) => withListedDefault(parameterOf(each))),
});

export type JobReply = Omit<Job, 'task' | 'state' | 'input' | 'result'> & {
  task?: string;
  kind?: string;
  state: string;
  input: object;
  result: { artifacts: string[]; outputs?: OutputReply[]; used: object } | null;
};

type OutputReply = Omit<Output, 'data'> & { value: unknown };

const pictureOf = (artifact: string): Output => ({ kind: 'picture', artifact, media_type: 'image/png', data: null });

const resultOf = ({ artifacts, outputs, used }: NonNullable<JobReply['result']>): JobResult => ({
  artifacts,
  outputs: outputs?.map(({ value, ...output }) => ({ ...output, data: value })) ?? artifacts.map(pictureOf),
  used: used as Record<string, unknown>,
});

export const jobOf = ({ task, kind, ...reply }: JobReply): Job => ({
  ...reply,
  task: task ?? kind ?? '',
  state: reply.state as JobState,
  input: reply.input as Record<string, unknown>,
  result: reply.result && resultOf(reply.result),
});

export const bodyOf = ({ task, input, attachments }: NewJob): object => ({
  task,
  input: { ...input, ...attachments },
});
