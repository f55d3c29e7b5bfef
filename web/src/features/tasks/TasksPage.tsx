import type { Task } from '../../api/types';
import { TaskView } from './TaskView';

interface Props {
  tasks: Task[];
  task: Task; // the one that is shown
  artifact: string; // a picture for it, or ''
  hrefOf: (task: string) => string;
}

// Every task that has no page of its own: its form and its results are drawn from its description.
export function TasksPage({ tasks, task, artifact, hrefOf }: Props) {
  return (
    <main className="flex flex-col md:min-h-0 md:flex-1">
      <nav aria-label="Tasks" className="flex shrink-0 flex-wrap gap-1 border-b border-stone-800 px-5 py-2 text-sm">
        {tasks.map(({ id, title, summary }) => (
          <a
            key={id} href={hrefOf(id)} title={summary} aria-current={id === task.id ? 'page' : undefined}
            className="shrink-0 rounded-md px-3 py-1.5 text-stone-300 hover:bg-stone-800 aria-[current]:bg-amber-500 aria-[current]:text-stone-950"
          >
            {title}
          </a>
        ))}
      </nav>
      <TaskView key={task.id} task={task} artifact={artifact} href={hrefOf(task.id)} />
    </main>
  );
}
