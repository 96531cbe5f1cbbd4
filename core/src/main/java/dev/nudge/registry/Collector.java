package dev.nudge.registry;

import dev.nudge.format.Blobs;
import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.UUID;

/// Garbage collection: deletes blobs and unpacked folders that no version references.
///
/// A concurrent push checks, when it gets the write lock, whether its blobs still exist, and stores
/// them again if not.
///
/// @param book current state, read under the write lock
record Collector(OciLayout layout, Book book) {

  Registry.Collected collect() {
    Blobs blobs = layout.blobs();
    Set<String> live = live();
    int folders = folders(live);
    int gone = 0;
    long bytes = 0;
    for (String digest : blobs.all()) {
      if (!live.contains(digest)) {
        bytes += blobs.delete(digest);
        gone++;
      }
    }
    blobs.sweep(layout.adapters());
    return new Registry.Collected(gone, bytes, folders);
  }

  private Set<String> live() {
    Set<String> live = new HashSet<>();
    for (Version version : book.all()) {
      add(live, version.digest());
      for (Version.Report report : version.reports()) {
        add(live, report.manifest());
      }
      if (version.base() != null) {
        add(live, layout.base(version.base()).digest());
      }
    }
    return live;
  }

  private void add(Set<String> live, String digest) {
    if (live.add(digest)) {
      layout.manifest(digest).content().map(Descriptor::digest).forEach(live::add);
    }
  }

  private int folders(Set<String> live) {
    int gone = 0;
    if (!Files.isDirectory(layout.adapters())) {
      return gone;
    }
    try (DirectoryStream<Path> all = Files.newDirectoryStream(layout.adapters())) {
      for (Path folder : all) {
        String digest = Sha256.PREFIX + folder.getFileName();
        if (Blobs.isDigest(digest) && !live.contains(digest)) {
          Path dead = layout.adapters().resolve("." + UUID.randomUUID() + Blobs.GROWING);
          OutFolder.move(folder, dead); // whole or not there
          OutFolder.delete(dead);
          gone++;
        }
      }
      return gone;
    } catch (IOException e) {
      throw new RunException("cannot write " + layout.adapters() + ": " + OutFolder.reason(e), e);
    }
  }
}
