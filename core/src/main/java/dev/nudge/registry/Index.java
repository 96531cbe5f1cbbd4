package dev.nudge.registry;

import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// The `index.json` of an OCI image layout, or an index in a registry: manifests, some with tags.
record Index(List<Descriptor> manifests) {

  /// Reads the index of a folder; empty if missing.
  static Index read(Path folder) {
    Path file = folder.resolve(OciLayout.INDEX);
    return Files.exists(file) ? of(Json.read(file), file.toString()) : new Index(List.of());
  }

  static Index read(byte[] bytes, String where) {
    try {
      return of(Json.parseStrictly(bytes), where);
    } catch (JacksonException e) {
      throw new InputException(where + " is no index: it is not JSON", e);
    }
  }

  private static Index of(JsonNode index, String where) {
    List<Descriptor> all = new ArrayList<>();
    index.path("manifests").forEach(manifest -> all.add(Descriptor.of(manifest, where)));
    return new Index(List.copyOf(all));
  }

  /// Returns this index with more manifests; an existing tag moves.
  Index with(List<Descriptor> more) {
    List<Descriptor> all = new ArrayList<>(manifests);
    for (Descriptor one : more) {
      all.removeIf(there -> tag(one).isEmpty() ? same(there, one) : tag(there).equals(tag(one)));
      all.add(one);
    }
    return new Index(List.copyOf(all));
  }

  private static boolean same(Descriptor a, Descriptor b) {
    return a.digest().equals(b.digest()) && tag(a).isEmpty();
  }

  static String tag(Descriptor manifest) {
    return manifest.annotations().getOrDefault(MediaTypes.REF_NAME, "");
  }

  /// Finds a manifest by tag or digest; without either, the only tagged manifest, or the only one.
  ///
  /// @throws InputException if none or several match
  Descriptor find(String tag, String where) {
    List<Descriptor> tagged = manifests.stream().filter(m -> !tag(m).isEmpty()).toList();
    List<Descriptor> meant =
        !tag.isEmpty()
            ? manifests.stream().filter(m -> tag(m).equals(tag) || m.digest().equals(tag)).toList()
            : tagged.isEmpty() ? manifests : tagged;
    long different = meant.stream().map(Descriptor::digest).distinct().count();
    if (different != 1) {
      TreeSet<String> tags = new TreeSet<>();
      tagged.forEach(m -> tags.add(tag(m)));
      throw new InputException(
          "%s holds %s%s; give --tag one of %s"
              .formatted(
                  where,
                  different == 0 ? "no model" : different + " models",
                  tag.isEmpty() ? "" : " of the tag '" + tag + "'",
                  tags.isEmpty() ? "(it has none)" : String.join(", ", tags)));
    }
    return meant.getFirst();
  }
}
