package dev.nudge.registry;

import dev.nudge.format.Blobs;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.MissingNode;

/// The files of an OCI image layout: `oci-layout`, `index.json`, `blobs/sha256/…`; in a registry
/// also `adapters/…`, PEFT folders of the versions.
///
/// `index.json` is derived from the journal after each change, for other tools.
///
/// @param folder of the layout
record OciLayout(Path folder) {
  static final String MARK = "oci-layout";
  static final String INDEX = "index.json";
  private static final String ADAPTERS = "adapters";

  Blobs blobs() {
    return Blobs.in(folder.resolve("blobs").resolve("sha256"));
  }

  Path adapters() {
    return folder.resolve(ADAPTERS);
  }

  /// The PEFT folder of a version.
  Path adapter(String digest) {
    return adapters().resolve(digest.substring(Sha256.PREFIX.length()));
  }

  /// Unpacks a version into its PEFT folder, unless it exists.
  ///
  /// @throws dev.nudge.settings.InputException if a blob of it is missing or damaged
  void unpack(String digest) {
    Path folder = adapter(digest);
    if (Files.isDirectory(folder)) {
      return;
    }
    Map<String, String> names = new TreeMap<>();
    manifest(digest)
        .files(blobs().path(digest).toString())
        .forEach((name, file) -> names.put(name, file.digest()));
    OutFolder.make(adapters());
    blobs().unpack(names, folder);
  }

  boolean exists() {
    return Files.isRegularFile(folder.resolve(MARK));
  }

  /// Creates an empty layout.
  void create() {
    OutFolder.make(folder.resolve("blobs").resolve("sha256"));
    index(List.of());
    OutFolder.place(folder.resolve(MARK), "{\"imageLayoutVersion\":\"1.0.0\"}");
  }

  /// Reads a manifest of this layout.
  Manifest manifest(String digest) {
    return Manifest.read(blobs().read(digest), blobs().path(digest).toString());
  }

  /// The JSON of a version's file; missing node: it has no such file.
  JsonNode json(Version version, String name) {
    Descriptor file = manifest(version.digest()).files(version.shown()).get(name);
    return file == null
        ? MissingNode.getInstance()
        : Json.readOrMissing(blobs().path(file.digest()));
  }

  /// Writes `index.json`.
  void index(List<Descriptor> manifests) {
    OutFolder.place(folder.resolve(INDEX), indexOf(manifests));
  }

  /// The text of `index.json`.
  static String indexOf(List<Descriptor> manifests) {
    Map<String, Object> index = new TreeMap<>();
    index.put("manifests", manifests.stream().map(Descriptor::values).toList());
    index.put("mediaType", MediaTypes.INDEX);
    index.put("schemaVersion", 2);
    return Json.line(index);
  }

  /// The manifests in a registry's index: versions, aliases, bases, reports.
  List<Descriptor> manifests(Book book) {
    List<Descriptor> all = new ArrayList<>();
    TreeSet<String> bases = new TreeSet<>();
    for (Version version : book.all()) {
      all.add(descriptor(version).with(MediaTypes.REF_NAME, version.shown()));
      version.reports().forEach(report -> all.add(descriptor(report)));
      if (version.base() != null) {
        bases.add(version.base());
      }
    }
    for (String name : book.names()) {
      Adapter adapter = Objects.requireNonNull(book.adapter(name));
      for (Alias alias : adapter.aliases()) {
        Version at = book.version(name, alias.version());
        if (at != null) {
          all.add(descriptor(at).with(MediaTypes.REF_NAME, name + "@" + alias.name()));
        }
      }
    }
    bases.forEach(base -> all.add(base(base)));
    return all;
  }

  /// The manifest of a base; it is stored if missing.
  Descriptor base(String digest) {
    return Descriptor.of(MediaTypes.MANIFEST, blobs().put(Manifest.ofBase(digest, blobs()).bytes()))
        .as(MediaTypes.MODEL);
  }

  static Descriptor descriptor(Version version) {
    return new Descriptor(
        MediaTypes.MANIFEST,
        version.digest(),
        version.manifestBytes(),
        MediaTypes.MODEL,
        new TreeMap<>());
  }

  static Descriptor descriptor(Version.Report report) {
    return new Descriptor(
        MediaTypes.MANIFEST,
        report.manifest(),
        report.manifestBytes(),
        MediaTypes.REPORT,
        new TreeMap<>());
  }

  /// Garbage collection: deletes blobs and unpacked folders that no version references.
  ///
  /// A concurrent push checks, when it gets the write lock, whether its blobs still exist, and
  /// stores them again if not.
  ///
  /// @param book current state, read under the write lock
  Registry.Collected collect(Book book) {
    Blobs blobs = blobs();
    Set<String> live = live(book);
    int folders = folders(live);
    int gone = 0;
    long bytes = 0;
    for (String digest : blobs.all()) {
      if (!live.contains(digest)) {
        bytes += blobs.delete(digest);
        gone++;
      }
    }
    blobs.sweep(adapters());
    return new Registry.Collected(gone, bytes, folders);
  }

  private Set<String> live(Book book) {
    Set<String> live = new HashSet<>();
    for (Version version : book.all()) {
      add(live, version.digest());
      for (Version.Report report : version.reports()) {
        add(live, report.manifest());
      }
      if (version.base() != null) {
        add(live, base(version.base()).digest());
      }
    }
    return live;
  }

  private void add(Set<String> live, String digest) {
    if (live.add(digest)) {
      manifest(digest).content().map(Descriptor::digest).forEach(live::add);
    }
  }

  private int folders(Set<String> live) {
    int gone = 0;
    if (!Files.isDirectory(adapters())) {
      return gone;
    }
    try (DirectoryStream<Path> all = Files.newDirectoryStream(adapters())) {
      for (Path folder : all) {
        String digest = Sha256.PREFIX + folder.getFileName();
        if (Blobs.isDigest(digest) && !live.contains(digest)) {
          Path dead = adapters().resolve("." + UUID.randomUUID() + Blobs.GROWING);
          OutFolder.move(folder, dead); // atomically
          OutFolder.delete(dead);
          gone++;
        }
      }
      return gone;
    } catch (IOException e) {
      throw new RunException("cannot write " + adapters() + ": " + OutFolder.reason(e), e);
    }
  }
}
