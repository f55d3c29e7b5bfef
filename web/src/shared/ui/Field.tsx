import { useId, type ReactNode } from 'react';

export const inputLook =
  'w-full rounded-md border border-stone-700 bg-stone-900 px-2.5 py-1.5 text-sm text-stone-100 ' +
  'placeholder:text-stone-500 hover:border-stone-600';

interface Props {
  label: string;
  help?: string | undefined;
  aside?: ReactNode;
  children: (id: string) => ReactNode;
}

// A label above its control; the help text is read with it.
export function Field({ label, help, aside, children }: Props) {
  const id = useId();
  return (
    <div>
      <div className="mb-1 flex items-baseline justify-between">
        <label htmlFor={id} className="text-xs font-medium text-stone-400" title={help}>
          {label}
        </label>
        {aside}
      </div>
      {children(id)}
    </div>
  );
}
