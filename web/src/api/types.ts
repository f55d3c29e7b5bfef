// The page's names for the station's types. They come from the station's OpenAPI description (generated.ts). The
// station sends every member, so that replies are read as complete. replies.ts makes these types from the replies.
import type { components } from './generated';

type Complete<T> = T extends (infer Item)[]
  ? Complete<Item>[]
  : T extends object
    ? { [Key in keyof T]-?: Complete<T[Key]> }
    : T;

export type Schemas = { [Name in keyof components['schemas']]: Complete<components['schemas'][Name]> };

export type ParameterKind = 'integer' | 'number' | 'boolean' | 'choice' | 'text' | 'seed';

// One row of a parameter table. `needs`: the role of the attachment without which the parameter has no effect, or ''.
export type ParameterRow = Pick<
  Schemas['Parameter'],
  'name' | 'kind' | 'title' | 'help' | 'minimum' | 'maximum' | 'step' | 'default_value' | 'choices'
>;
export type Parameter = Omit<ParameterRow, 'kind'> & {
  kind: ParameterKind;
  unit: string;
  needs: string;
};

export type ModelCard = Omit<Schemas['ModelView'], 'parameters' | 'tasks'> & { parameters: Parameter[] };

export interface ModelList {
  models: ModelCard[];
  reason: string; // why the list is empty
}

// A picture that a task takes: 'image', 'mask', …
export interface Attachment {
  role: string;
  media: string;
  title: string;
  required: boolean;
}

export interface Task {
  id: string;
  title: string;
  summary: string;
  parameters: Parameter[];
  attachments: Attachment[];
  outputs: string[]; // kinds of output, in order
}

export type JobState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';

// One thing that a job made. `data` is the value of an output without a file, for example labels with scores.
export interface Output {
  kind: string;
  artifact: string; // '' without a file
  media_type: string;
  data: unknown;
}

export interface JobResult {
  artifacts: string[];
  outputs: Output[];
  used: Record<string, unknown>;
}

// `input` and `used` have the members of the job's task.
export type Job = Omit<Schemas['JobView'], 'kind' | 'task' | 'state' | 'input' | 'result'> & {
  task: string;
  state: JobState;
  input: Record<string, unknown>;
  result: JobResult | null;
};

export type StationStatus = Schemas['StatusView'];

export type Input = Record<string, string | number | boolean>;

export interface NewJob {
  task: string;
  input: Input; // parameters by name
  attachments: Record<string, string>; // data URLs by role
}
