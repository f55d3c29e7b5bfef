import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, expect, it, vi } from 'vitest';

import type { Job } from '../../api/types';
import { jobWith } from '../../testing/values';
import { Canvas } from './Canvas';

afterEach(cleanup);

const draw = (job: Job) => {
  const onRetry = vi.fn();
  const nothing = vi.fn();
  render(
    <Canvas
      ref={null} job={job} picked={{ index: 0, alone: false }} problem={null} uses={[]} onRetry={onRetry}
      onPick={nothing} onCancel={nothing} onStartFrom={nothing} onReuse={nothing}
    />,
  );
  return onRetry;
};

it('shows why a job failed, with a button that starts it again', () => {
  const onRetry = draw(jobWith({ state: 'failed', failure: { code: 'internal', sentence: 'the device failed', field: '' } }));
  expect(screen.getByRole('alert').textContent).toContain('The device failed.');
  fireEvent.click(screen.getByRole('button', { name: 'Retry' }));
  expect(onRetry).toHaveBeenCalledWith('j');
});

it('starts a cancelled job again, and offers neither for a finished one', () => {
  const onRetry = draw(jobWith({ state: 'cancelled' }));
  fireEvent.click(screen.getByRole('button', { name: 'Run again' }));
  expect(onRetry).toHaveBeenCalledWith('j');
  cleanup();
  draw(jobWith({ state: 'succeeded' }));
  expect(screen.queryByRole('button')).toBeNull();
});
