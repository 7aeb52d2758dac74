#pragma once

#include <nigh/nigh_forward.hpp>
