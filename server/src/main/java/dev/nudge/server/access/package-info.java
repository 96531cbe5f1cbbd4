/// Contains API keys, clients' usage, and certificates.
///
/// It knows nothing about routes. Read `ApiKeys` first.
@NullMarked
package dev.nudge.server.access;

import org.jspecify.annotations.NullMarked;
