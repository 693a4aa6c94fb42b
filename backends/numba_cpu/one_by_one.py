"""What is done to the rows of a group one by one, where it is not done to all of them in one loop.

The states of the group's rows stand each in the lane of its row; that of a row alone is in all lanes.
"""

from numba.extending import overload

from .group import alone, group_of, is_columns
from .memory import offset
from .own import own_alone
from .part import PART
from .row import DOUBTS, LIKES, STATES, get_row, put, several
from .shuffles import one_lane
from .simd import any_lane, inline, lanes, select, splat
from .states import recall, recall_lane, remember, remember_lane


@inline
def _states(row):
    return offset(row.room, STATES * lanes(row.room))


@inline
def fold_each(fold, x, v, e, like, row, known):
    """The states that a fold of one row leaves of each."""
    if is_columns(row):
        return fold(x, v, e, like, row, known)
    put(row, LIKES, like)
    first, used, x_step, v_step, e_step, _, _ = group_of(row)
    for i in range(used):
        own_x, own_v = offset(x, i * x_step), offset(v, i * v_step)
        own_like = get_row(row, LIKES, i)
        it = alone(row, i)
        state = fold(own_x, own_v, offset(e, i * e_step), own_like, it, known)
        if i == 0:
            remember(_states(row), state)  # in the lanes without a row, too
        else:
            remember_lane(_states(row), first + i, state)
    return recall(_states(row))


def completed(operation, x, v, e, state, row):
    """The states, after what a fold has left to do; chosen by type, see below."""


@overload(completed, jit_options={"forceinline": True, **PART})
def _completed_by_type(operation, x, v, e, state, row):
    again = "look_again" in operation.fields
    return _complete_and_look_again if again else _complete


def _complete(operation, x, v, e, state, row):
    return operation.complete(state, several(row))


def _complete_and_look_again(operation, x, v, e, state, row):
    state = operation.complete(state, several(row))
    doubts = operation.doubtful(state, several(row))
    if not any_lane(doubts):
        return state
    if is_columns(row):
        return operation.look_again(x, v, e, state, row)
    return _look_again(operation, x, v, e, state, doubts, row)


@inline
def _look_again(operation, x, v, e, state, doubts, row):
    remember(_states(row), state)
    put(row, DOUBTS, select(doubts, splat(state.m, 1.0), splat(state.m, 0.0)))
    first, used, x_step, v_step, e_step, _, _ = group_of(row)
    for i in range(used):
        if one_lane(get_row(row, DOUBTS, i)) != 0.0:
            own_x, own_v = offset(x, i * x_step), offset(v, i * v_step)
            state = recall_lane(_states(row), first + i)
            state = operation.look_again(own_x, own_v, offset(e, i * e_step), state, alone(row, i))
            remember_lane(_states(row), first + i, state)
    return recall(_states(row))


@inline
def finish_each(finish, x, v, e, y, dy, own, state, row):
    """The map of one row, of each."""
    if is_columns(row):
        finish(x, v, e, y, dy, own, state, row)
        return
    remember(_states(row), state)
    first, used, x_step, v_step, e_step, y_step, dy_step = group_of(row)
    for i in range(used):
        own_x, own_v = offset(x, i * x_step), offset(v, i * v_step)
        own_y, own_dy = offset(y, i * y_step), offset(dy, i * dy_step)
        state = recall_lane(_states(row), first + i)
        it = alone(row, i)
        finish(own_x, own_v, offset(e, i * e_step), own_y, own_dy, own_alone(own, i), state, it)
