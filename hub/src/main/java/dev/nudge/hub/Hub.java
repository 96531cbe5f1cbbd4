package dev.nudge.hub;

import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The Hugging Face hub: models, adapters and data by name, as folders and files of this machine.
///
/// ```java
/// Hub hub = Hub.of(HubSettings.of(Path.of("models-cache")));
/// Path model = hub.model("HuggingFaceTB/SmolLM2-135M-Instruct", HubListener.NONE).place();
/// ```
///
/// A branch is resolved on each call; cached files are not downloaded again. Without a connection
/// the last known commit is used, with a warning. All methods that fetch throw an [InputException]
/// in one line for a wrong name, a closed repository or a full disk, and a [RunException] if the
/// network fails permanently; partial downloads are kept.
///
/// Threading: any thread; a file that two threads need is downloaded once.
public final class Hub {
  private final HubSettings settings;
  private final Snapshots snapshots;

  private Hub(HubSettings settings, Attempts.Pause pause, BlobLock.Locks locks) {
    this.settings = settings;
    this.snapshots = new Snapshots(settings, pause, locks);
  }

  /// Opens the hub without sending a request.
  public static Hub of(HubSettings settings) {
    return of(settings, Thread::sleep);
  }

  /// @param pause waits between attempts
  static Hub of(HubSettings settings, Attempts.Pause pause) {
    return of(settings, pause, FileChannel::lock);
  }

  /// @param locks locks a downloading file against other processes
  static Hub of(HubSettings settings, Attempts.Pause pause, BlobLock.Locks locks) {
    return new Hub(settings, pause, locks);
  }

  /// Returns the settings, such as the addresses of hub and cache.
  public HubSettings settings() {
    return settings;
  }

  /// Fetches a model: its safetensors or its one GGUF file, configs, tokenizer and template.
  ///
  /// @param name `org/name`, `org/name@revision` or `org/name/FILE.gguf`
  public HubFiles model(String name, HubListener listener) {
    return model(RepoName.parse(name, RepoName.Kind.MODEL), listener);
  }

  /// Fetches a model.
  public HubFiles model(RepoName name, HubListener listener) {
    return files(snapshots.get(name, FileChoice.MODEL, listener));
  }

  /// Fetches an adapter in PEFT's layout.
  ///
  /// @param name `org/name` or `org/name@revision`
  public HubFiles adapter(String name, HubListener listener) {
    return files(
        snapshots.get(RepoName.parse(name, RepoName.Kind.MODEL), FileChoice.ADAPTER, listener));
  }

  /// Fetches rows.
  ///
  /// @param name `datasets/org/name/FILE`, where FILE is a path or a glob in the repository
  public HubFiles data(String name, HubListener listener) {
    return files(
        snapshots.get(RepoName.parse(name, RepoName.Kind.DATASET), FileChoice.DATA, listener));
  }

  /// Fetches a model, an adapter or the rows of a dataset, as the name says.
  public HubFiles pull(RepoName name, HubListener listener) {
    boolean data = name.kind() == RepoName.Kind.DATASET;
    return files(snapshots.get(name, data ? FileChoice.DATA : FileChoice.MODEL, listener));
  }

  private static HubFiles files(Snapshots.Snapshot snapshot) {
    Path first = snapshot.first();
    boolean gguf = first.toString().endsWith(FileChoice.GGUF);
    boolean data = snapshot.name().kind() == RepoName.Kind.DATASET;
    return new HubFiles(
        snapshot.name(),
        snapshot.commit(),
        gguf || data ? first : snapshot.folder(),
        snapshot.files().stream().map(snapshot::path).toList(),
        snapshot.files().stream().mapToLong(HubFile::size).sum());
  }

  /// Returns a model from the cache, without a request; null: not completely cached.
  public @Nullable HubFiles cached(RepoName name) {
    try {
      Snapshots.Snapshot here = snapshots.here(name, FileChoice.MODEL, true);
      return here == null ? null : files(here);
    } catch (IOException e) {
      throw snapshots.failed(name, e);
    }
  }

  /// A model of which only headers were downloaded.
  ///
  /// @param commit current commit of its revision
  /// @param fetched number of downloaded bytes
  /// @param weights size of its weight files in bytes
  /// @param all bytes that a pull would fetch
  /// @param licence licence that the hub reports; null: none
  /// @param gated whether its terms must be accepted before downloading weights
  /// @param place the folder, or the GGUF file in it
  public record Headers(
      String commit,
      long fetched,
      long weights,
      long all,
      @Nullable String licence,
      boolean gated,
      Path place) {}

  /// Makes a model folder of configs and headers, fetched by ranges: tensors have names, types and
  /// shapes, but no values.
  ///
  /// @param into an empty folder
  /// @param tokenizer whether tokenizer and template are needed too
  public Headers headers(RepoName name, Path into, boolean tokenizer, HubListener listener) {
    if (settings.offline()) {
      throw snapshots.notHere(name);
    }
    try (HubClient client = snapshots.client()) {
      RepoTree tree = snapshots.tree(client, name, listener);
      HubApi.About about = new HubApi(client, settings, listener).about(name.at(tree.commit()));
      List<HubFile> files = FileChoice.MODEL.of(name, tree.files());
      HubFile first = files.getFirst();
      long fetched =
          new HeaderFolder(client, settings, listener, name, tree).write(into, files, tokenizer);
      return new Headers(
          tree.commit(),
          fetched,
          sum(files.stream().filter(file -> FileChoice.isWeights(file.path())).toList()),
          sum(files),
          about.licence(),
          about.gated(),
          first.path().endsWith(FileChoice.GGUF) ? first.in(into) : into);
    } catch (IOException e) {
      throw snapshots.failed(name, e);
    }
  }

  private static long sum(List<HubFile> files) {
    return files.stream().mapToLong(HubFile::size).sum();
  }

  /// Lists the commits in the cache, by name.
  public List<CachedModel> list() {
    try {
      return new Cached(snapshots.cache()).list();
    } catch (IOException e) {
      throw new RunException(
          "%s cannot be read: %s".formatted(settings.cache(), e.getMessage()), e);
    }
  }

  /// Finds a commit in the cache.
  ///
  /// @throws InputException if it is not cached
  public CachedModel find(RepoName name) {
    if (name.file() != null) {
      throw new InputException(
          "%s names a file; a commit is found whole, so leave the file out".formatted(name));
    }
    try {
      String commit = snapshots.cache().commit(name);
      return list().stream()
          .filter(model -> model.name().folder().equals(name.folder()))
          .filter(model -> model.commit().equals(commit))
          .findFirst()
          .orElseThrow(
              () ->
                  new InputException(
                      "%s is not in %s; models list says what is"
                          .formatted(name, settings.cache())));
    } catch (IOException e) {
      throw snapshots.failed(name, e);
    }
  }

  /// Reads every file of a commit in the cache and compares its digest.
  ///
  /// @return a line for each file that differs from the hub's listing; empty: all are intact
  public List<String> verify(CachedModel model, HubListener listener) {
    try {
      return new Cached(snapshots.cache()).verify(model.name(), model.commit(), listener);
    } catch (IOException e) {
      throw snapshots.failed(model.name(), e);
    }
  }

  /// Removes a commit from the cache, and the files that no other commit needs.
  ///
  /// @return bytes that were freed
  public long remove(CachedModel model) {
    try {
      return new Cached(snapshots.cache()).remove(model.name(), model.commit());
    } catch (IOException e) {
      throw snapshots.failed(model.name(), e);
    }
  }

  /// The result of [#publish].
  ///
  /// @param commit 40 hex digits
  /// @param address page of the repository
  /// @param bytes size of all files
  /// @param left names of the folder's other files, which were not uploaded
  public record Published(String commit, String address, long bytes, List<String> left) {}

  /// Publishes an adapter, a model folder or a folder with a GGUF file as one commit, with a
  /// generated model card if the folder has no `README.md`. Only files with the usual names of a
  /// model or an adapter are uploaded, never rows, metrics or notes. If a config names its base by
  /// a local path, the published config has the base's hub name, or the last name of the path.
  ///
  /// @param name the repository, made if it is missing
  /// @param facts facts for the model card
  /// @param open whether a new repository is public
  /// @throws InputException if there is no token, it may not write there, or the folder holds
  ///     nothing to publish
  public Published publish(
      RepoName name, Path folder, CardFacts facts, boolean open, HubListener listener) {
    checkPublish(name);
    List<Path> written = new ArrayList<>();
    try (HubClient client = snapshots.client()) {
      FileChoice.Published chosen = FileChoice.published(folder);
      Map<String, Path> files = chosen.files();
      for (Map.Entry<String, String> text : LocalPaths.replaced(files).entrySet()) {
        files.put(text.getKey(), written(text.getValue(), written));
      }
      if (!ModelCard.isIn(folder)) {
        files.put("README.md", written(ModelCard.of(name, folder, facts), written));
      }
      String commit =
          new Publisher(client, settings, listener, name)
              .publish(files, "Published by nudge", open);
      long bytes = 0;
      for (Path file : files.values()) {
        bytes += Files.size(file);
      }
      return new Published(commit, settings.endpoint() + "/" + name.id(), bytes, chosen.left());
    } catch (IOException e) {
      throw new RunException("%s cannot be published: %s".formatted(name, e.getMessage()), e);
    } finally {
      written.forEach(file -> file.toFile().delete());
    }
  }

  /// Checks the preconditions of [#publish] that do not depend on the folder, without a request.
  ///
  /// @throws InputException if there is no token, or it must not be sent
  public void checkPublish(RepoName name) {
    if (!settings.withheld().isEmpty()) {
      throw new InputException("%s cannot be published: %s".formatted(name, settings.withheld()));
    }
    if (settings.offline() || settings.token() == null) {
      throw new InputException(
          settings.offline()
              ? "%s cannot be published: offline nothing is sent".formatted(name)
              : "publishing %s needs a token that may write there; give it as HF_TOKEN"
                  .formatted(name));
    }
  }

  private static Path written(String text, List<Path> written) throws IOException {
    Path file = Files.createTempFile("nudge-published", "");
    written.add(file);
    return Files.writeString(file, text);
  }

  /// Deletes a folder that [#headers] filled.
  public static void deleteHeaders(Path folder) {
    try {
      Cached.delete(folder);
    } catch (IOException e) {
      // a leftover folder of holes does no harm
    }
  }
}
