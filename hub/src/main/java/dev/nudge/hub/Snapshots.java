package dev.nudge.hub;

import dev.nudge.format.DiskRoom;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Completes a snapshot in the cache: finds commit and listing, downloads missing files.
final class Snapshots {
  private static final long MARGIN = 1 << 20; // bytes of the disk to keep free

  private final HubSettings settings;
  private final HubCache cache;
  private final Attempts.Pause pause;
  private final BlobLock.Locks locks;

  Snapshots(HubSettings settings, Attempts.Pause pause, BlobLock.Locks locks) {
    this.settings = settings;
    this.cache = new HubCache(settings.cache(), settings.links());
    this.pause = pause;
    this.locks = locks;
  }

  /// A commit whose chosen files are all cached.
  ///
  /// @param files the chosen files
  record Snapshot(RepoName name, String commit, Path folder, List<HubFile> files) {
    /// Returns the path of a file.
    Path path(HubFile file) {
      return file.in(folder);
    }

    /// Returns the first chosen file: the weights.
    Path first() {
      return path(files.getFirst());
    }
  }

  HubCache cache() {
    return cache;
  }

  /// Finds the chosen files in the cache, and downloads missing ones.
  ///
  /// @throws InputException if there is no such repository or file, or no permission to download it
  /// @throws RunException if the network or the disk fails
  Snapshot get(RepoName name, FileChoice choice, HubListener listener) {
    try {
      if (settings.offline()) {
        Snapshot here = here(name, choice, true);
        if (here == null) {
          throw notHere(name);
        }
        return here;
      }
      if (name.isCommit()) {
        Snapshot here = here(name, choice, false);
        if (here != null) {
          return here;
        }
      }
      return fetched(name, choice, listener);
    } catch (IOException e) {
      throw failed(name, e);
    }
  }

  /// Returns a snapshot from the cache; null: a chosen file is missing.
  ///
  /// @param unlisted whether to accept a snapshot that another program made without storing its
  ///     listing, so its completeness is unknown
  @Nullable Snapshot here(RepoName name, FileChoice choice, boolean unlisted) throws IOException {
    String commit = cache.commit(name);
    if (commit == null || !Files.isDirectory(cache.snapshot(name, commit))) {
      return null;
    }
    RepoTree listed = cache.listing(name, commit);
    List<HubFile> files;
    if (listed != null) {
      files = choice.of(name, listed.files());
    } else if (unlisted) {
      try {
        files = choice.of(name, cache.seen(name, commit).files());
      } catch (InputException e) {
        return null;
      }
    } else {
      return null;
    }
    for (HubFile file : files) {
      if (!cache.has(name, commit, file)) {
        return null;
      }
    }
    return new Snapshot(name, commit, cache.snapshot(name, commit), files);
  }

  private Snapshot fetched(RepoName name, FileChoice choice, HubListener listener)
      throws IOException {
    try (HubClient client = client()) {
      RepoTree tree;
      try {
        tree = tree(client, name, listener);
      } catch (HubClient.Unreachable | Attempts.GaveUp e) {
        Snapshot here = here(name, choice, true);
        if (here == null) {
          throw e;
        }
        listener.warn(e.getMessage() + "; " + name + " is taken as it is here");
        return here;
      }
      Snapshot snapshot =
          new Snapshot(
              name,
              tree.commit(),
              cache.snapshot(name, tree.commit()),
              choice.of(name, tree.files()));
      cache.mark();
      cache.keep(name, tree);
      fetch(client, snapshot, listener);
      cache.note(name, tree.commit());
      return snapshot;
    }
  }

  HubClient client() {
    return new HubClient(settings, pause);
  }

  /// Fetches the current listing of the name's revision.
  ///
  /// @throws InputException with the nearest known name, if there is no such repository
  RepoTree tree(HubClient client, RepoName name, HubListener listener) throws IOException {
    HubApi api = new HubApi(client, settings, listener);
    try {
      String commit = name.isCommit() ? name.revision() : api.about(name).commit();
      RepoTree kept = cache.listing(name, commit);
      return kept == null ? api.tree(name, commit) : kept;
    } catch (HubErrors.Unknown e) {
      throw new InputException(e.getMessage() + Nearest.hint(name.id(), known()), e);
    }
  }

  /// Makes the error for an uncached repository in offline mode, with similar names.
  InputException notHere(RepoName name) {
    List<String> known = KnownNames.all();
    try {
      known = known();
    } catch (IOException e) {
      // the cache cannot be read, so it has no similar names
    }
    return new InputException(
        "%s is not whole in %s, and offline nothing is fetched; without --offline (HF_HUB_OFFLINE) it is%s"
            .formatted(
                name,
                settings.cache(),
                known.contains(name.id()) ? "" : Nearest.hint(name.id(), known)));
  }

  /// Returns names to suggest.
  private List<String> known() throws IOException {
    List<String> known = new ArrayList<>(KnownNames.all());
    cache.repositories().forEach(name -> known.add(name.id()));
    return known;
  }

  private void fetch(HubClient client, Snapshot snapshot, HubListener listener) throws IOException {
    RepoName name = snapshot.name();
    List<HubFile> missing = new ArrayList<>();
    long bytes = 0;
    for (HubFile file : snapshot.files()) {
      if (!cache.has(name, snapshot.commit(), file)) {
        missing.add(file);
        long left = left(name, file);
        bytes = bytes > Long.MAX_VALUE - left ? Long.MAX_VALUE : bytes + left; // more than any disk
      }
    }
    if (missing.isEmpty()) {
      return;
    }
    checkRoom(name, bytes);
    listener.begin(name, missing.size(), bytes, settings.cache());
    long[] done = {0};
    for (HubFile file : missing) {
      long all = bytes;
      long here = file.size() - left(name, file);
      long before = done[0];
      Download download =
          new Download(
              client,
              name,
              snapshot.commit(),
              file,
              listener,
              now -> listener.progress(before + Math.max(0, now - here), all));
      boolean fresh = make(download, name, file);
      cache.show(name, snapshot.commit(), file, fresh);
      done[0] = before + file.size() - here;
      listener.progress(done[0], all);
    }
    listener.end();
  }

  /// Downloads a blob unless it is cached.
  private boolean make(Download download, RepoName name, HubFile file) throws IOException {
    Path blob = cache.blob(name, file);
    try (BlobLock lock = BlobLock.of(cache.lock(name, file), locks)) {
      if (hasBlob(blob, file)) {
        return false;
      }
      Files.createDirectories(blob.getParent());
      Files.deleteIfExists(blob);
      download.into(blob, lock.held(), settings);
      return true;
    }
  }

  private static boolean hasBlob(Path blob, HubFile file) throws IOException {
    return Files.isRegularFile(blob) && Files.size(blob) == file.size();
  }

  /// Returns the missing bytes of a file.
  private long left(RepoName name, HubFile file) throws IOException {
    Path blob = cache.blob(name, file);
    if (hasBlob(blob, file)) {
      return 0;
    }
    Path part = Download.part(blob);
    long here = Files.isRegularFile(part) ? Files.size(part) : 0;
    return here > file.size() ? file.size() : file.size() - here;
  }

  private void checkRoom(RepoName name, long bytes) {
    long free = DiskRoom.free(settings.cache());
    if (bytes > free - MARGIN) {
      throw new InputException(
          "%s needs %s in %s, and %s are free there; make room, or give HF_HUB_CACHE a folder on another disk"
              .formatted(name, Bytes.shown(bytes), settings.cache(), Bytes.shown(free)));
    }
  }

  RunException failed(RepoName name, IOException e) {
    if (DiskRoom.isFull(e, settings.cache())) {
      return new RunException(
          "%s: the disk of %s is full; what has come is kept".formatted(name, settings.cache()), e);
    }
    return new RunException("%s cannot be fetched: %s".formatted(name, e.getMessage()), e);
  }
}
