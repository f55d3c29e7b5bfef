import { useEffect, useEffectEvent, useRef, useState } from 'react';

import type { Job, Task } from '../../api/types';
import { readArtifact, readPicture, type SourcePicture } from '../../shared/lib/readPicture';
import { reveal } from '../../shared/lib/reveal';
import { useDrop } from '../../shared/lib/useDrop';
import { useFollowFirst, useJob } from '../../shared/lib/useJob';
import { useProblem } from '../../shared/lib/useProblem';
import { DropHint } from '../../shared/ui/DropHint';
import { RecentJobs } from './RecentJobs';
import { loadForm, storeForm } from './savedForms';
import { TaskForm } from './TaskForm';
import { TaskJob } from './TaskJob';
import { roleForDrop, toJob, type TaskForm as Form } from './tasks';
import { useRecent, useTaskOf } from './useTasks';

interface Props {
  task: Task;
  artifact: string; // a picture that is taken as the first attachment, or ''
  href: string; // of this view without the picture
}

// One task: its form, the job that is shown, and its recent jobs.
export function TaskView({ task: description, artifact, href }: Props) {
  const followed = useJob();
  const [form, setForm] = useState<Form>(() => loadForm(description.id));
  const task = useTaskOf(description, form.values);
  const recent = useRecent(task.id);
  useFollowFirst(recent, followed);
  const { text: problem, fail, clear } = useProblem();
  const result = useRef<HTMLElement>(null);
  const reading = useRef(0); // of several pictures that are being read, only the last one is used

  useEffect(() => void storeForm(task.id, form), [task.id, form]);

  const takePicture = (role: string, read: Promise<SourcePicture>) => {
    const turn = ++reading.current;
    clear();
    followed.dismiss();
    read.then(
      (picture) =>
        turn === reading.current && setForm((before) => ({ ...before, pictures: { ...before.pictures, [role]: picture } })),
      (error: Error) => turn === reading.current && fail(error),
    );
  };
  const takeFile = (role: string, file: File) => takePicture(role, readPicture(file));
  const takeArtifact = useEffectEvent((id: string) => {
    const role = task.attachments[0]?.role;
    if (role) takePicture(role, readArtifact(id, 'a picture made here'));
    window.history.replaceState(null, '', href); // a reload does not take it again
  });
  useEffect(() => {
    if (artifact) takeArtifact(artifact);
  }, [artifact]);
  const removePicture = (role: string) => {
    reading.current += 1;
    setForm((before) => {
      const { [role]: _removed, ...pictures } = before.pictures;
      return { ...before, pictures };
    });
  };
  const run = (request: () => void) => {
    clear();
    request();
    reveal(result.current);
  };
  const show = (next: Job) => {
    if (next.id !== followed.job?.id) followed.follow(next);
    reveal(result.current);
  };

  const dropRole = roleForDrop(task.attachments, form);
  const hovers = useDrop((file) => {
    if (dropRole) takeFile(dropRole, file);
    else fail(new Error(`${task.title} takes no picture.`));
  });
  return (
    <div className="flex flex-col md:min-h-0 md:flex-1 md:flex-row">
      <div className="w-full shrink-0 border-stone-800 p-5 md:w-88 md:overflow-y-auto md:border-r">
        <TaskForm
          task={task} form={form} busy={followed.busy}
          onValue={(name, value) => setForm((before) => ({ ...before, values: { ...before.values, [name]: value } }))}
          onFile={takeFile} onRemove={removePicture}
          onSubmit={() => run(() => followed.start(toJob(task, form)))}
        />
      </div>
      <div className="min-w-0 md:min-h-0 md:flex-1 md:overflow-y-auto">
        <TaskJob
          ref={result} task={task} job={followed.job} problem={problem ?? followed.problem}
          onCancel={followed.cancel} onRetry={(id) => run(() => followed.retry(id))}
        />
        <RecentJobs task={task} jobs={recent ?? []} shown={followed.job?.id} onShow={show} />
      </div>
      {hovers && <DropHint text={dropRole ? 'Drop the picture to use it' : `${task.title} takes no picture`} />}
    </div>
  );
}
