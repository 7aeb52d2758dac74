// Stands in for the library of this name, which sorts as std::sort does.
#pragma once

#include <algorithm>

template <typename Iterator, typename Compare>
void pdqsort(Iterator begin, Iterator end, Compare compare)
{
    std::sort(begin, end, compare);
}

template <typename Iterator, typename Compare>
void pdqsort_branchless(Iterator begin, Iterator end, Compare compare)
{
    std::sort(begin, end, compare);
}
