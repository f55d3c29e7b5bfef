import { CreatePage } from '../features/create/CreatePage';
import { Notices } from '../features/status/Notices';
import { StationPill } from '../features/status/StationPill';

export function App() {
  return (
    <div className="flex min-h-full flex-col md:h-full md:min-h-0">
      <header className="flex items-center justify-between border-b border-stone-800 px-5 py-2.5">
        <h1 className="flex items-center gap-2.5 text-base font-semibold tracking-tight">
          <img src="/icon.svg" alt="" className="size-6" />
          Atelier
        </h1>
        <nav className="flex items-center gap-5 text-sm">
          <a className="text-stone-400 hover:text-stone-100" href="/docs">
            API
          </a>
          <StationPill />
        </nav>
      </header>
      <Notices />
      <CreatePage />
    </div>
  );
}
