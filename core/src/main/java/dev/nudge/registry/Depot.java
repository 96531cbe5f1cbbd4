package dev.nudge.registry;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;

/// A remote that holds manifests and blobs by digest: an OCI registry, an archive or a folder.
///
/// Errors that a user can fix are [dev.nudge.settings.InputException]s; an [IOException] is a disk
/// or network failure.
interface Depot extends AutoCloseable {
  /// Downloads a manifest.
  ///
  /// @param tag or digest; empty: the only manifest
  byte[] manifest(String tag) throws IOException;

  /// Opens the bytes of a blob; the caller verifies and closes them.
  InputStream blob(Descriptor blob) throws IOException;

  /// Uploads a blob unless the remote has it.
  ///
  /// @return whether it was uploaded
  boolean put(Descriptor blob, Path file) throws IOException;

  /// Uploads a manifest, after its blobs.
  ///
  /// @param tag of the manifest; empty: only its digest
  void put(Descriptor manifest, byte[] bytes, String tag) throws IOException;

  /// Publishes the uploaded manifests.
  default void finish() throws IOException {}

  @Override
  void close();
}
