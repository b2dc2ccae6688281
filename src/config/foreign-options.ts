/**
 * Options and sections of the libraries beneath the Python agent, which appear in real files and mean nothing here:
 * oslo.log, oslo.privsep, oslo.concurrency, oslo.service. They are passed over in silence.
 */
import { normalSection } from './option.ts';

const FOREIGN_SECTIONS: ReadonlySet<string> = new Set([
  'oslo_concurrency',
  'privsep',
  'privsep_ovs_vsctl',
  'privsep_vtysh',
]);

const FOREIGN_OPTIONS: Readonly<Record<string, ReadonlySet<string>>> = {
  DEFAULT: new Set([
    // oslo.log, with names of earlier releases
    'default_log_levels',
    'fatal_deprecations',
    'instance_format',
    'instance_uuid_format',
    'log_color',
    'log_config',
    'log_config_append',
    'log_date_format',
    'log_format',
    'log_rotate_interval',
    'log_rotate_interval_type',
    'log_rotation_type',
    'logging_context_format_string',
    'logging_debug_format_suffix',
    'logging_default_format_string',
    'logging_exception_prefix',
    'logging_user_identity_format',
    'max_logfile_count',
    'max_logfile_size_mb',
    'publish_errors',
    'rate_limit_burst',
    'rate_limit_except_level',
    'rate_limit_interval',
    'syslog_log_facility',
    'use_eventlog',
    'use_journal',
    'use_json',
    'use_stderr',
    'use_syslog',
    'use_syslog_rfc_format',
    'verbose',
    'watch_log_file',
    // oslo.concurrency in files from before it had a section
    'disable_process_locking',
    'lock_path',
    // oslo.service
    'backdoor_port',
    'backdoor_socket',
    'graceful_shutdown_timeout',
    'log_options',
  ]),
  // Stands in the Python agent's documentation, but was never an option.
  local_ovn_cluster: new Set(['ovn_sb_connection']),
};

export function isForeignSection(section: string): boolean {
  return FOREIGN_SECTIONS.has(normalSection(section));
}

export function isForeignOption(section: string, name: string): boolean {
  return isForeignSection(section) || FOREIGN_OPTIONS[normalSection(section)]?.has(name) === true;
}

export const FOREIGN_SECTION_NAMES: readonly string[] = [...FOREIGN_SECTIONS];
