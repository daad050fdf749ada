"""The end of a decision: answers are rounded, rated, guarded by the closed form once more, and get their provenance."""

from __future__ import annotations

import math
from collections.abc import Mapping

from airgraph_models.problems import Graded, Refined
from airgraph_server.decision.draft import Draft
from airgraph_server.decision.network import NetworkAnswer
from airgraph_server.decision.types import Decision, Fallback, Policy, Reason, Shadow, Task

CLASSICAL_WON = "a classical start ended higher"


def grade(drafts: Mapping[int, Draft], refined: Mapping[int, Refined]) -> dict[int, tuple[Graded, Graded]]:
    """Rounds answers and closed forms to their callers' precision and rates them, all of a family together."""
    graded: dict[int, tuple[Graded, Graded]] = {}
    by_family: dict[str, list[int]] = {}
    for i, draft in drafts.items():
        by_family.setdefault(draft.task.family.name, []).append(i)
    for members in by_family.values():
        family = drafts[members[0]].task.family
        instances = [drafts[i].task.instance for i in members]
        allocations = [refined[i].allocation for i in members]
        for position, i in enumerate(members):
            if drafts[i].task.policy is Policy.AUTO and drafts[i].polished:
                # Where interference drowns the noise, a solver may end at any scale: the largest is a free gain.
                allocations[position] = family.filled(instances[position], allocations[position])
        both = family.grade(instances * 2, allocations + [drafts[i].baseline for i in members])
        graded.update(zip(members, zip(both[: len(members)], both[len(members) :], strict=True), strict=True))
    return graded


def finish(
    draft: Draft,
    refined: Refined,
    answer: NetworkAnswer | Fallback | None,
    graded: Graded,
    closed_form: Graded,
) -> Decision:
    """Guards the answer once more, and writes its provenance."""
    task, family, instance = draft.task, draft.task.family, draft.task.instance
    led = draft.led_by if refined.start == 0 else None
    algorithm = family.polisher(instance) if draft.polished else family.solver(instance)
    solver = led or algorithm
    if refined.iterations and solver != algorithm:
        solver = f"{solver}+{algorithm}"
    by_network = task.model is not None and led == task.model.name
    fallback, iterations = draft.fallback, refined.iterations
    # Whatever it began with, the answer is the network's own exactly where its start ended highest.
    if draft.network is not None and not by_network:
        beaten = draft.network.standing < closed_form.standing
        detail = f"{family.baseline_solver} has the higher objective" if beaten else CLASSICAL_WON
        fallback = Fallback(Reason.BEATEN_BY_BASELINE, detail)
    # Written so that an objective that is not a number loses too.
    stands = graded.standing >= closed_form.standing
    if not stands and task.policy is not Policy.LEARNED:
        graded = closed_form
        solver, iterations = family.baseline_solver, 0
        by_network = False
        fallback = fallback or Fallback(Reason.BEATEN_BY_BASELINE, f"{solver} has the higher objective")
    elif not iterations and draft.network is not None and not by_network:
        solver = f"{solver}-start"
    elif not iterations and draft.network is None:
        # No time for one iteration: the best start itself goes out, and the first start is a closed form.
        solver = family.baseline_solver if refined.start == 0 else f"{solver}-start"
        if fallback is None or fallback.reason in (Reason.REQUESTED, Reason.BEATEN_BY_BASELINE):
            fallback = Fallback(Reason.DEADLINE, "no time for one iteration")
    return Decision(
        allocation=graded.sent,
        solver=solver,
        model=task.model if by_network else None,
        fallback=fallback,
        objective=graded.objective,
        baseline_objective=closed_form.objective,
        rates=graded.rates,
        margin=family.margin(instance, graded.exact),
        remark=family.remark(instance, graded.rates),
        polish_iterations=iterations,
        batch_size=draft.network.batch_size if draft.network else 1,
        shadow=_shadow(task, answer) if task.shadow and task.model is not None else None,
    )


def _shadow(task: Task, answer: NetworkAnswer | Fallback | None) -> Shadow:
    if isinstance(answer, NetworkAnswer):
        margin = task.family.margin(task.instance, answer.allocation)
        return Shadow(task.model, answer.objective, margin, answer.seconds, None)
    return Shadow(task.model, math.nan, math.nan, 0.0, answer)
