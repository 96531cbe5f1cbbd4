package dev.nudge.registry;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;

/// A place outside a registry that gives and takes manifests and blobs by digest.
///
/// Refusals that a user can mend are [dev.nudge.settings.InputException]s; an [IOException] is a
/// disk or a network that fails.
interface Depot extends AutoCloseable {
  /// Gives a manifest.
  ///
  /// @param tag of it, or its digest; empty: the only one that there is
  byte[] manifest(String tag) throws IOException;

  /// Gives the bytes of a blob, which the caller checks and closes.
  InputStream blob(Descriptor blob) throws IOException;

  /// Takes a blob where it is not there yet.
  ///
  /// @return whether it was not
  boolean put(Descriptor blob, Path file) throws IOException;

  /// Takes a manifest, whose blobs are there.
  ///
  /// @param tag under which it is found; empty: its digest alone
  void put(Descriptor manifest, byte[] bytes, String tag) throws IOException;

  /// Makes what was taken count.
  default void finish() throws IOException {}

  @Override
  void close();
}
