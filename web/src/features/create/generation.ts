// What jobs of the create page hold: the input and the result of the task `generate`.
import type { Job } from '../../api/types';

export const generateTask = 'generate';

export interface GenerateInput {
  prompt: string;
  negative_prompt: string | null;
  sampler: string;
  schedule: string;
  width: number | null;
  height: number | null;
  keep_outside: boolean;
  image_artifact: string;
  mask_artifact: string;
}

export interface GenerateUsed {
  model: string;
  model_title: string;
  sampler: string;
  schedule: string;
  width: number;
  height: number;
  steps: number;
  guidance: number;
  strength: number | null;
  matte: string | null;
  keep_outside: boolean | null;
  seed_text: string;
  prompt: string;
  negative_prompt: string;
  warnings: string[];
}

// Members that a job does not have are undefined.
export const inputOf = (job: Job) => job.input as Partial<GenerateInput>;
export const usedOf = (job: Job) => job.result?.used as Partial<GenerateUsed> | undefined;

export const promptOf = (job: Job): string => usedOf(job)?.prompt ?? inputOf(job).prompt ?? '';

// Pictures of one job, in order.
export const picturesOf = (job: Job): string[] =>
  (job.result?.outputs ?? []).filter(({ kind }) => kind === 'picture').map(({ artifact }) => artifact);
