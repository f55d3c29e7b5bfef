// The names that the page uses for the station's types.

export interface Parameter {
  name: string;
  kind: 'integer' | 'number' | 'string' | 'boolean' | 'choice' | 'size';
  title: string;
  help: string;
  minimum?: number | null;
  maximum?: number | null;
  step?: number | null;
  default_value: string;
  choices: string[];
}

export interface ModelCard {
  id: string;
  title: string;
  family: string;
  task: string;
  description: string;
  capabilities: string[];
  native_width: number;
  native_height: number;
  parameters: Parameter[];
  problem?: string;
}

export interface SamplerName {
  id: string;
  title: string;
  available: boolean;
}

export interface SamplerLists {
  samplers: SamplerName[];
  schedules: SamplerName[];
}

export interface GenerationUsed {
  model: string;
  model_title: string;
  sampler: string;
  schedule: string;
  width: number;
  height: number;
  made_width: number;
  made_height: number;
  steps: number;
  guidance: number;
  seed: number | string;
  batch: number;
  strength?: number | null;
  prompt: string;
  negative_prompt: string;
  warnings: string[];
}

export interface JobProgress {
  stage: string;
  step: number;
  total: number;
  fraction: number;
  eta_seconds: number;
  steps_per_second: number;
  preview_artifact: string;
}

export type JobState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';

export interface Job {
  id: string;
  state: JobState;
  created_ms: number;
  started_ms: number;
  finished_ms: number;
  reason: string;
  progress: JobProgress;
  result?: { artifacts: string[]; used: GenerationUsed } | null;
  failure?: { code: string; sentence: string } | null;
}

export interface NewJob {
  kind: 'generate';
  priority: number;
  input: Record<string, string | number | boolean>;
}

export interface WorkerStatus {
  name: string;
  engine: string;
  device: string;
  state: string;
  problem: string;
}

export interface StationStatus {
  workers: WorkerStatus[];
  queued: number;
  running: number;
  memory_total_mb: number;
  memory_used_mb: number;
}
