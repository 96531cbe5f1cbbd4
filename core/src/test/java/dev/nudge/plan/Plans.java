package dev.nudge.plan;

import dev.nudge.model.Caches;
import dev.nudge.model.DryPasses;

/// Plans that a planner would not make, for tests.
public final class Plans {
  private Plans() {}

  /// The same plan with another workspace, pass, bytes of state in a mapped file, and caches.
  public static Plan with(
      Plan p, long workspace, DryPasses.TrainParts pass, long paged, Caches caches) {
    Footprint f = p.footprint();
    Footprint other =
        new Footprint(
            f.weights(),
            f.masters(),
            f.working(),
            f.gradients(),
            f.optimizer(),
            paged,
            f.lanes(),
            workspace,
            pass,
            f.caches(),
            f.runtime());
    return with(p, other, caches, p.branches());
  }

  /// The same plan, with or without prompts that are shared.
  public static Plan branching(Plan p, boolean branches) {
    return with(p, p.footprint(), p.caches(), branches);
  }

  private static Plan with(Plan p, Footprint footprint, Caches caches, boolean branches) {
    return new Plan(
        p.backend(),
        p.ranks(),
        p.lanes(),
        p.threadsPerLane(),
        p.microBatchTokens(),
        p.longest(),
        p.levels(),
        p.split(),
        footprint,
        caches,
        branches);
  }
}
