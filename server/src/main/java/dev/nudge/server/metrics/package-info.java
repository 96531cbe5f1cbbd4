/// Counts requests for Prometheus, and writes the audit log.
///
/// It knows nothing about routes. Read `PrometheusMetrics` first.
@NullMarked
package dev.nudge.server.metrics;

import org.jspecify.annotations.NullMarked;
