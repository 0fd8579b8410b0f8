/** Owns the words for what mendd has no place for: each directive and object that nobody carried over gets its reason. */
import type { NagiosModel } from './nagios-model.ts';
import { canonical } from './nagios-templates.ts';

type Reason = readonly [message: string, hint?: string];

const notify: Reason = [
  'mendd tells people through actions',
  'see `notify` in mendd.yaml and `notify:` in runbooks',
];

/** By type of object. */
const ofTypes: Readonly<Record<string, Reason>> = {
  contact: ['people are told through `notify`', 'name them under `notify` in mendd.yaml'],
  contactgroup: ['people are told through `notify`', 'name them under `notify` in mendd.yaml'],
  serviceescalation: ['escalations are rungs of a ladder', 'write actions with `after:` and `notify:`'],
  hostescalation: ['escalations are rungs of a ladder', 'write actions with `after:` and `notify:`'],
  servicegroup: ['checks are in no groups', 'runbooks are the groups of checks'],
  hostextinfo: ['it only decorates pages of Nagios'],
  serviceextinfo: ['it only decorates pages of Nagios'],
  module: ['modules of Nagios have no place here'],
};

/** By directive; the first that fits. `values`: those that mean what mendd does anyway. */
const ofDirectives: readonly { names: RegExp; values?: RegExp; reason: Reason }[] = [
  { names: /^(first_)?notification|^notifications_enabled$|^contact/, reason: notify },
  {
    names: /^is_volatile$/,
    values: /^0$/,
    reason: ['no check is volatile', 'a problem is told once, until it is over'],
  },
  { names: /fresh/, values: /^0$/, reason: ['a check that is asked has no results that grow old'] },
  {
    names: /^passive_checks_enabled$|^obsess/,
    values: /^0$/,
    reason: ['a check that is asked takes no results of others, and none are sent on'],
  },
  {
    names: /^process_perf_data$|^retain_|^parallelize_check$|^failure_prediction/,
    values: /^1$/,
    reason: ['that cannot be chosen: it is always kept'],
  },
  { names: /^flap_detection_options$/, reason: ['all states count for flapping'] },
  { names: /^stalking_options$/, reason: ['every change of output is kept in the history anyway'] },
  { names: /^initial_state$/, reason: ['a check begins with its first result'] },
  {
    names:
      /^(notes|notes_url|action_url|icon_image|icon_image_alt|vrml_image|statusmap_image|2d_coords|3d_coords|gd2_image|display_name|hourly_value|importance)$/,
    reason: ['it only decorates pages of Nagios'],
  },
  { names: /^(servicegroups|servicegroup_name)$/, reason: ofTypes['servicegroup'] ?? notify },
  { names: /^alias$/, reason: ['groups are labels, which have no alias'] },
  {
    names: /^failure_|_failure_criteria$|^inherits_parent$|^dependency_period$/,
    reason: ['`depends_on` holds in every state that is not OK'],
  },
];

/** Lines that nobody has asked for get their reason. Lines that say what is so anyway are carried over by that. */
export function noteLeftovers({ source, objects, book }: NagiosModel): void {
  for (const [index, block] of source.blocks.entries()) {
    const isTemplate = objects[index]?.isTemplate === true;
    for (const directive of block.directives) {
      if (!book.isOpen(directive)) continue;
      const name = canonical(block.type, directive.name);
      const known = ofDirectives.find(({ names }) => names.test(name));
      if (known?.values?.test(directive.value) === true && typeReason(block.type) === undefined) {
        book.carried(directive);
        continue;
      }
      const whole = typeReason(block.type) ?? unusedObject(block.type);
      const [message, hint] = whole ?? known?.reason ?? unused(name, isTemplate);
      // What is true of the whole object is said in the same words for all its lines.
      const what = whole === undefined ? ` ${directive.name.slice(0, 60)}` : '';
      book.note(directive, 'left_out', `${block.type.slice(0, 60)}${what}: ${message}`, hint);
    }
  }
  for (const { file, line, what } of book.open)
    book.note({ file, line }, 'left_out', `${what.slice(0, 60)}: ${settingReason(what)}`);
}

function typeReason(type: string): Reason | undefined {
  return Object.hasOwn(ofTypes, type) ? ofTypes[type] : undefined;
}

function unusedObject(type: string): Reason | undefined {
  if (type === 'command') return ['no check or event handler that is carried over uses it'];
  return type === 'timeperiod' ? ['no check_period names it'] : undefined;
}

function unused(name: string, isTemplate: boolean): Reason {
  const carried =
    /^(check_|retry_interval$|max_check_attempts$|event_handler|flap_|low_flap|high_flap|active_checks|host_name$|hostgroup|parents$|address$|_)/;
  if (!carried.test(name)) return ['this directive is not known here'];
  return isTemplate
    ? ['nothing that is carried over inherits this value']
    : ['what it belongs to is not carried over'];
}

function settingReason(name: string): string {
  if (/^\$USER\d+\$$/.test(name)) return 'nothing that is carried over uses this macro';
  if (/notif|admin_/.test(name)) return notify[0];
  return 'a setting of the Nagios daemon itself, which has no place here';
}
