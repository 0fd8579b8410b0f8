/**
 * Makes this process think in UTC. Must be the first import of each entry point: node-cron reads the zone when it loads, and
 * in a zone with daylight saving its schedules would stop for an hour a year.
 */
process.env['TZ'] = 'UTC';
