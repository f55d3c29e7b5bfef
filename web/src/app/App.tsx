import { CreatePage } from '../features/create/CreatePage';
import { generateTask } from '../features/create/generation';
import { JobsPage } from '../features/jobs/JobsPage';
import { Notices } from '../features/status/Notices';
import { StationPill } from '../features/status/StationPill';
import { TasksPage } from '../features/tasks/TasksPage';
import { useTasks } from '../features/tasks/useTasks';
import { useHash } from './useHash';

const tasksHref = (task = '', artifact = '') => `#tasks/${task}${artifact && `/${artifact}`}`;
const ownPages: ReadonlySet<string> = new Set([generateTask]);

export function App() {
  const known = useTasks(ownPages);
  const tasks = known ?? [];
  const [page, id, artifact = ''] = useHash().split('/');
  const selected = page === 'tasks' ? (tasks.find((task) => task.id === id) ?? tasks[0]) : undefined;
  const uses = tasks
    .filter(({ available, attachments }) => available && attachments.length > 0)
    .map((task) => ({ title: task.title, hrefOf: (of: string) => tasksHref(task.id, of) }));
  return (
    <div className="flex min-h-full flex-col md:h-full md:min-h-0">
      <header className="flex flex-wrap items-center justify-between gap-x-5 gap-y-1 border-b border-stone-800 px-5 py-2.5">
        <div className="flex items-center gap-5">
          <h1 className="flex items-center gap-2.5 text-base font-semibold tracking-tight">
            <img src="/icon.svg" alt="" className="size-6" />
            Atelier
          </h1>
          <nav aria-label="Pages" className="flex items-center gap-4 text-sm">
            <PageLink href="#" title="Create" current={page !== 'jobs' && !selected} />
            {tasks.length > 0 && <PageLink href={tasksHref()} title="Tasks" current={selected !== undefined} />}
            <PageLink href="#jobs" title="Jobs" current={page === 'jobs'} />
          </nav>
        </div>
        <div className="flex items-center gap-5 text-sm">
          <a className="text-stone-400 hover:text-stone-100" href="/docs">
            API
          </a>
          <StationPill />
        </div>
      </header>
      <Notices />
      {page === 'jobs' && <JobsPage />}
      {selected && <TasksPage tasks={tasks} task={selected} artifact={artifact} hrefOf={tasksHref} />}
      {/* Until the tasks are known, their page is empty. */}
      {page !== 'jobs' && !selected && (known || page !== 'tasks') && <CreatePage uses={uses} />}
    </div>
  );
}

function PageLink({ href, title, current }: { href: string; title: string; current: boolean }) {
  return (
    <a
      href={href} aria-current={current ? 'page' : undefined}
      className="border-b-2 border-transparent py-0.5 text-stone-300 hover:text-stone-100 aria-[current]:border-amber-500 aria-[current]:text-stone-100"
    >
      {title}
    </a>
  );
}
