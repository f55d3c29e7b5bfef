import { useQuery } from '@tanstack/react-query';

import { api } from '../../api/client';

// The state of the station, requested again and again.
export const useStatus = () => useQuery({ queryKey: ['status'], queryFn: api.status, refetchInterval: 3000 });
