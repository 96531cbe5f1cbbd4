package dev.nudge.registry;

import dev.nudge.adapter.PeftAdapter;
import dev.nudge.format.Blobs;
import dev.nudge.format.Json;
import dev.nudge.identity.Identity;
import dev.nudge.settings.InputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Prepares an adapter folder for registration: checks it, selects its files, reads its lineage.
///
/// @param rank of A and B
/// @param identity what the adapter was trained on; null: unknown
/// @param lineage contents of `lineage.json`
/// @param licence as the user gave it; null: none
record Intake(
    Path folder,
    int rank,
    @Nullable Identity identity,
    Map<String, Object> lineage,
    @Nullable String licence) {

  /// Reads a folder.
  ///
  /// @throws InputException if it is no adapter, or one of its files is a link, whose target need
  ///     not belong to the adapter
  static Intake of(Path folder, @Nullable String licence) {
    int rank;
    try (PeftAdapter adapter = PeftAdapter.open(folder)) {
      rank = adapter.spec().rank();
    }
    for (String name : MediaTypes.names()) {
      if (Files.isSymbolicLink(folder.resolve(name))) {
        throw new InputException(
            "adapter %s: %s is a link, and links are not followed; copy the folder with what they lead to (cp -rL) and push the copy"
                .formatted(folder, name));
      }
    }
    Identity identity = Identity.read(folder, false);
    return new Intake(folder, rank, identity, Lineage.of(folder, identity, licence), licence);
  }

  /// The digest of the base's weights; for a quantised base, of its source model's weights.
  static @Nullable String base(@Nullable Identity identity) {
    return identity == null || identity.base().isEmpty() ? null : identity.base().getLast();
  }

  /// Stores the files and their manifest in a layout.
  StoredVersion store(OciLayout layout) {
    Blobs blobs = layout.blobs();
    List<Descriptor> layers = new ArrayList<>();
    for (String name : MediaTypes.names()) {
      Path file = folder.resolve(name);
      if (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
          && !name.equals(MediaTypes.LINEAGE)) {
        layers.add(layer(name, blobs.put(file)));
      }
    }
    if (!lineage.isEmpty()) {
      layers.add(layer(MediaTypes.LINEAGE, blobs.put(json(lineage))));
    }
    String base = base(identity);
    TreeMap<String, String> annotations = new TreeMap<>();
    annotations.put(MediaTypes.RANK, Integer.toString(rank));
    if (base != null) {
      annotations.put(MediaTypes.BASE, base);
    }
    Manifest manifest =
        new Manifest(
            MediaTypes.MODEL,
            Descriptor.of(MediaTypes.MODEL_CONFIG, blobs.put(json(config(layers)))),
            layers,
            base == null ? null : layout.base(base),
            annotations);
    return StoredVersion.of(layout, blobs.put(manifest.bytes()), manifest, rank, base);
  }

  private static Descriptor layer(String name, Blobs.Blob blob) {
    return Descriptor.of(MediaTypes.of(name), blob)
        .with(MediaTypes.FILE_PATH, name)
        .with(MediaTypes.TITLE, name);
  }

  /// The ModelPack config of the adapter.
  private Map<String, Object> config(List<Descriptor> layers) {
    Map<String, Object> descriptor = new TreeMap<>();
    if (licence != null) {
      descriptor.put("licenses", List.of(licence));
    }
    Map<String, Object> files = new TreeMap<>();
    files.put("diffIds", layers.stream().map(Descriptor::digest).toList());
    files.put("type", "layers");
    Map<String, Object> all = new TreeMap<>();
    all.put("config", Map.of("format", "safetensors"));
    all.put("descriptor", descriptor);
    all.put("modelfs", files);
    return all;
  }

  private static byte[] json(Map<String, Object> values) {
    return Json.line(values).getBytes(StandardCharsets.UTF_8);
  }
}
