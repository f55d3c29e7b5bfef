import type { Attachment, Task } from '../../api/types';
import { ParameterForm } from '../../shared/ui/ParameterForm';
import { PictureInput } from '../../shared/ui/PictureInput';
import { SubmitButton } from '../../shared/ui/SubmitButton';
import { attachedTo, formProblem, type TaskForm as Form } from './tasks';

interface Props {
  task: Task;
  form: Form;
  busy: boolean;
  onValue: (name: string, value: string) => void;
  onFile: (role: string, file: File) => void;
  onRemove: (role: string) => void;
  onSubmit: () => void;
}

// The form of any task, from its description: its attachments, its parameters, and a button that starts it.
export function TaskForm({ task, form, busy, onValue, onFile, onRemove, onSubmit }: Props) {
  const problem = formProblem(task, form);
  const submit = () => !problem && onSubmit();
  return (
    <form
      noValidate // problems are shown by the page, in sentences
      aria-label={task.title}
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit();
      }}
    >
      <p className="text-sm text-stone-300">{task.summary}</p>
      {task.attachments.map((attachment) => (
        <PictureInput
          key={attachment.role} label={attachment.title} invitation={invitationOf(attachment)}
          caption={(name) => `${attachment.title}: ${name}`} picture={form.pictures[attachment.role] ?? null}
          onFile={(file) => onFile(attachment.role, file)} onRemove={() => onRemove(attachment.role)}
        />
      ))}
      <ParameterForm rows={task.parameters} values={form.values} attached={attachedTo(form)} onChange={onValue} />
      <div>
        <SubmitButton label={busy ? `${task.title} again` : task.title} problem={problem} />
      </div>
    </form>
  );
}

const invitationOf = ({ title, required }: Attachment) =>
  `${title}: drop a picture, or choose one${required ? '' : ' (optional)'}`;
