// The page's names for the station's types. They are generated from the station's own description
// (generated.ts); the station always sends every member, so replies are read as complete.
import type { components } from './generated';

type Complete<T> = T extends (infer Item)[]
  ? Complete<Item>[]
  : T extends object
    ? { [Key in keyof T]-?: Complete<T[Key]> }
    : T;

type Schemas = components['schemas'];

export type JobState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
export type Job = Omit<Complete<Schemas['JobView']>, 'state'> & { state: JobState };
export type ModelCard = Complete<Schemas['ModelView']>;
export type ModelList = Complete<Schemas['ModelViews']>;
export type Parameter = Complete<Schemas['Parameter']>;
export type StationStatus = Complete<Schemas['StatusView']>;
export type GenerationUsed = Complete<Schemas['UsedView']>;

// What the page sends: the card's parameters by name, so the shape of `input` is the card's.
export interface NewJob {
  kind: 'generate';
  priority: number;
  input: Record<string, string | number | boolean>;
}
