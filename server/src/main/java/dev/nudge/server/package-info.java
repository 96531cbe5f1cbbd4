/// OpenAI-compatible HTTP server for one base model and many LoRA adapters, with API keys, quotas
/// and Prometheus metrics.
///
/// Knows nothing about weights, forward passes or adapter file formats: a session generates, the
/// registry resolves names. Read [dev.nudge.server.Server] first, then
/// [dev.nudge.server.ServeSettings].
@NullMarked
package dev.nudge.server;

import org.jspecify.annotations.NullMarked;
