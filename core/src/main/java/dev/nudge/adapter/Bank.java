package dev.nudge.adapter;

import dev.nudge.nn.LinearSlot;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Adapters of one base whose rows may be in one step: a [LoraBank] for each slot that any of them
/// changes.
///
/// Threading: everything here while no pass runs.
final class Bank {
  private final Map<LinearSlot, LoraBank> banks = new LinkedHashMap<>();
  private final List<Boolean> taken = new ArrayList<>(); // by number
  private long grown;

  /// Takes an adapter of which every part is an update of a linear layer, while none is on.
  ///
  /// @return its number
  int add(List<LoraPlace> places) {
    int number = taken.indexOf(false);
    if (number < 0) {
      number = taken.size();
      taken.add(true);
    } else {
      taken.set(number, true);
    }
    boolean wider = false;
    for (LoraPlace place : places) {
      LoraBank bank = banks.computeIfAbsent(place.slot(), slot -> new LoraBank(place.base()));
      wider |= bank.set(number, place.made());
    }
    grown += wider ? 1 : 0;
    return number;
  }

  /// How often steps have come to take more of their workspace than before.
  long grown() {
    return grown;
  }

  /// Forgets an adapter.
  void remove(int number) {
    taken.set(number, false);
    for (LoraBank bank : banks.values()) {
      var _ = bank.set(number, null);
    }
  }

  /// Puts the banks into their slots.
  ///
  /// @return what takes them out again
  Runnable put() {
    List<Runnable> undo = new ArrayList<>();
    banks.forEach(
        (slot, bank) -> {
          var before = slot.linear();
          slot.set(bank);
          undo.add(() -> slot.set(before));
        });
    return () -> undo.forEach(Runnable::run);
  }
}
