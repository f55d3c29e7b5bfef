import { useId, type ReactNode } from 'react';

export const inputLook =
  'w-full rounded-md border border-stone-700 bg-stone-900 px-2.5 py-1.5 text-sm text-stone-100 ' +
  'placeholder:text-stone-500 hover:border-stone-600 aria-invalid:border-red-500';

// The attributes that connect a control with its label, help and problem.
export interface ControlAttributes {
  id: string;
  'aria-describedby': string | undefined;
  'aria-invalid': boolean | undefined;
}

interface Props {
  label: string;
  title?: string | undefined; // a tooltip
  help?: string; // a line below the control
  problem?: string | null; // why the value is refused, in a sentence
  aside?: ReactNode | ((attributes: Omit<ControlAttributes, 'id'>) => ReactNode);
  children: (attributes: ControlAttributes) => ReactNode;
}

// A label above its control, help and problem below it.
export function Field({ label, title, help = '', problem = null, aside, children }: Props) {
  const id = useId();
  const described = [help && `${id}-help`, problem && `${id}-problem`].filter(Boolean).join(' ');
  const attributes = { 'aria-describedby': described || undefined, 'aria-invalid': problem ? true : undefined };
  return (
    <div>
      <div className="mb-1 flex items-baseline justify-between gap-2">
        <label htmlFor={id} className="text-xs font-medium text-stone-300" title={title}>
          {label}
        </label>
        {typeof aside === 'function' ? aside(attributes) : aside}
      </div>
      {children({ id, ...attributes })}
      <FieldNotes id={id} help={help} problem={problem} />
    </div>
  );
}

export function FieldNotes({ id, help, problem }: { id: string; help: string; problem: string | null }) {
  return (
    <>
      {help && (
        <p id={`${id}-help`} className="mt-1 text-xs text-stone-400">
          {help}
        </p>
      )}
      {problem && (
        <p id={`${id}-problem`} className="mt-1 text-xs text-red-300">
          {problem}
        </p>
      )}
    </>
  );
}
