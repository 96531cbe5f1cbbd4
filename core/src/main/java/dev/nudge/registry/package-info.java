/// Versions adapters: versions are immutable, aliases move between them: `support@champion`,
/// `support:3`, `support@sha256:…`.
///
/// On disk a registry is an OCI image layout with a journal of all changes. Versions are pushed to
/// and pulled from folders, archives and OCI registries by digest.
///
/// Knows nothing about running models: an adapter is files and their metadata.
///
/// Read `Registry` first, then `Journal` and `Manifest`.
@NullMarked
package dev.nudge.registry;

import org.jspecify.annotations.NullMarked;
