// The page's names for the station's types. They come from the station's OpenAPI description (generated.ts). The
// station sends every member, so that replies are read as complete. replies.ts makes these types from the replies.
import type { components } from './generated';

type Complete<T> = T extends (infer Item)[]
  ? Complete<Item>[]
  : T extends object
    ? { [Key in keyof T]-?: Complete<T[Key]> }
    : T;

export type Schemas = { [Name in keyof components['schemas']]: Complete<components['schemas'][Name]> };

// The controls of the form: a text of any length, a seed of 64 bits, the id of a model, and so on.
export type ParameterKind = 'integer' | 'number' | 'boolean' | 'choice' | 'text' | 'seed' | 'model';

// One row of a parameter table. `needs`: the role of the attachment without which the parameter has no effect, or ''.
export type Parameter = Omit<Schemas['Parameter'], 'kind'> & { kind: ParameterKind };

// A model with the rows of one task that it serves.
export type ModelCard = Omit<Schemas['ModelView'], 'parameters' | 'tasks' | 'task'> & { parameters: Parameter[] };

// A model with the rows of each task that it serves.
export type Model = Omit<ModelCard, 'parameters'> & { tasks: { task: string; parameters: Parameter[] }[] };

export interface ModelList {
  models: Model[];
  reason: string; // why the list is empty
}

export type Attachment = Schemas['AttachmentView']; // a picture that a task takes: 'image', 'mask', …

export type Task = Omit<Schemas['TaskView'], 'parameters'> & { parameters: Parameter[] };

export type JobState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';

// One thing that a job made: a file under the id `artifact`, or a value, for example labels with scores.
export type Output = Omit<Schemas['OutputView'], 'value'> & { value: unknown };

export interface JobResult {
  outputs: Output[];
  used: Record<string, unknown>;
}

// `input` and `used` have the members of the job's task.
export type Job = Omit<Schemas['JobView'], 'kind' | 'state' | 'input' | 'result'> & {
  state: JobState;
  input: Record<string, unknown>;
  result: JobResult | null;
};

export type StationStatus = Schemas['StatusView'];

export type Queue = Schemas['QueueView'];
export type QueuedJob = Schemas['QueuedJobView'];
export type Retried = Schemas['RetriedView'];

export type Input = Record<string, string | number | boolean>;

export interface NewJob {
  task: string;
  input: Input; // parameters by name
  attachments: Record<string, string>; // data URLs by role
}
