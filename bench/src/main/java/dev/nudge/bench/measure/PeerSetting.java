package dev.nudge.bench.measure;

import java.util.ArrayList;
import java.util.List;

/// One configuration of the peer.
///
/// @param defaults TRL's own defaults; the other values are then unused
public record PeerSetting(boolean defaults, String attention, boolean checkpointing, String dtype) {
  public static final PeerSetting DEFAULTS = new PeerSetting(true, "sdpa", true, "bf16");

  /// All of {sdpa, eager} × {checkpointing off, on} × {bf16, fp32}.
  public static List<PeerSetting> all() {
    List<PeerSetting> all = new ArrayList<>();
    for (String dtype : List.of("bf16", "fp32")) {
      for (String attention : List.of("sdpa", "eager")) {
        for (boolean checkpointing : new boolean[] {false, true}) {
          all.add(new PeerSetting(false, attention, checkpointing, dtype));
        }
      }
    }
    return all;
  }

  /// Returns this setting with checkpointing on or off.
  PeerSetting withCheckpointing(boolean on) {
    return new PeerSetting(defaults, attention, on, dtype);
  }

  public String label() {
    return defaults
        ? "TRL's defaults"
        : attention + ", " + dtype + (checkpointing ? ", checkpointing" : ", no checkpointing");
  }

  List<String> flags() {
    return defaults
        ? List.of("--defaults", "1")
        : List.of("--attn", attention, "--ckpt", checkpointing ? "1" : "0", "--dtype", dtype);
  }
}
