/// Keeps adapters as versions that never change, under names that move: `support@champion`,
/// `support:3`, `support@sha256:…`.
///
/// On disk it is an OCI image layout, with a journal of all changes beside it. Folders, archives
/// and registries of containers give and take versions by digest.
///
/// Knows nothing about models and about computing: an adapter is files and what they say of
/// themselves.
///
/// Read `Registry` first, then `Journal` and `Manifest`.
@NullMarked
package dev.nudge.registry;

import org.jspecify.annotations.NullMarked;
