/// Serves many adapters of one base over HTTP.
///
/// Knows nothing about weights, passes or files of adapters: a session answers, the registry
/// names.
///
/// Read [dev.nudge.server.Server] first, then [dev.nudge.server.ServeSettings].
@NullMarked
package dev.nudge.server;

import org.jspecify.annotations.NullMarked;
